package ui_test

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/access"
)

// guard is what asks who callers are: nobody, while there is no key.
func guard(t testing.TB, routes []gateway.Routes, secret *string) ([]gateway.Routes, func(http.Handler) http.Handler) {
	store, err := keys.Open(filepath.Join(t.TempDir(), "keys.json"))
	if err == nil && secret != nil {
		_, *secret, err = store.Create(keys.Wish{Name: "ana", Scopes: auth.Manage})
	}
	if err != nil {
		t.Fatal(err)
	}
	a := access.New(access.Options{Keys: store})
	routes = append(routes, a.Login())
	return routes, a.Guard(access.Listener{Routes: routes})
}

func TestTheServerAsksForAKey(t *testing.T) {
	var secret string
	r := newRig(t, func(o *rigOptions) { o.secret = &secret }, instant)
	w := open(t, r.url+"/")
	w.deaf = "status of 401"
	w.sees("This server asks for a key")
	w.fill("dialog input[type=password]", "vdgx_wrong")
	w.click("dialog button", "Enter")
	w.sees("The server did not accept this key.")
	w.fill("dialog input[type=password]", secret)
	w.click("dialog button", "Enter")
	w.fill("#f-prompt", "behind a lock")
	w.click("button[type=submit]", "Make it")
	w.until("document.querySelector('.screen video')?.readyState >= 2") // the clip comes with the session's cookie
	w.click("button", "Settings")
	w.sees("Logged in as ana")
	if got := js[string](w, "JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie"); len(secret) < 10 || contains(got, secret) {
		t.Error("a script can read the key")
	}
	w.click("dialog button", "Log out")
	w.sees("This server asks for a key")
}
