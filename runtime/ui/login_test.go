package ui_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/access"
)

// guard is what asks who callers are: nobody, while there is no key.
func (r *rig) guard(routes []gateway.Routes) ([]gateway.Routes, func(http.Handler) http.Handler) {
	r.t.Helper()
	var err error
	r.keys, err = keys.Open(filepath.Join(r.dir, "keys.json"))
	if err == nil && r.o.secret != nil && *r.o.secret == "" {
		_, *r.o.secret, err = r.keys.Create(keys.Wish{Name: "ana", Scopes: auth.Manage})
	}
	if err != nil {
		r.t.Fatal(err)
	}
	a := access.New(access.Options{Keys: r.keys, Recheck: 50 * time.Millisecond})
	routes = append(routes, a.Login())
	return routes, a.Guard(access.Listener{Routes: routes})
}

// key makes another one.
func (r *rig) key(name string, scopes auth.Scopes, lasts time.Duration) string {
	r.t.Helper()
	_, secret, err := r.keys.Create(keys.Wish{Name: name, Scopes: scopes, Expires: lasts})
	if err != nil {
		r.t.Fatal(err)
	}
	return secret
}

// login shows a key to the page.
func (w *tab) login(key string) {
	w.t.Helper()
	w.sees("This server asks for a key")
	w.fill("dialog input[type=password]", key)
	w.click("dialog button", "Enter")
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

// TestAKeyThatEndsIsAskedForAgain: while the page is open, without a click, and what is typed stays.
func TestAKeyThatEndsIsAskedForAgain(t *testing.T) {
	secret := ""
	r := newRig(t, func(o *rigOptions) { o.secret = &secret }, instant)
	w := open(t, r.url+"/")
	w.deaf = "status of 401"
	w.login(r.key("bea", auth.Submit|auth.Read, 0))
	w.fill("#f-prompt", "half a sentence")
	w.until("!document.querySelector('dialog[open]') && document.body.innerText.includes('Connected')")
	if _, _, err := r.keys.Revoke("bea"); err != nil {
		t.Fatal(err)
	}
	w.sees("This server asks for a key")
	for range 3 { // a browser closes a window on the second Escape, whatever a page says
		w.do(chromedp.KeyEvent(kb.Escape))
		time.Sleep(50 * time.Millisecond)
	}
	w.until("document.querySelector('dialog[open] input[type=password]')")
	_, dead, err := r.keys.Create(keys.Wish{Name: "old", Scopes: auth.Manage, Expires: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond)
	w.login(dead)
	w.sees("The server did not accept this key.")
	w.login(r.key("cid", auth.Submit|auth.Read, 0))
	w.until("!document.querySelector('dialog[open]') && document.body.innerText.includes('Connected')")
	if got := js[string](w, "document.querySelector('#f-prompt').value"); got != "half a sentence" {
		t.Errorf("the prompt is now %q", got)
	}
	w.click("button[type=submit]", "Make it")
	w.until("document.querySelector('.screen video')?.readyState >= 2")
}

// TestThePageOffersWhatAKeyMay: one that may not manage sees no buttons for it, one that may not read is told so.
func TestThePageOffersWhatAKeyMay(t *testing.T) {
	secret := ""
	r := newRig(t, func(o *rigOptions) { o.secret = &secret }, instant)
	w := open(t, r.url+"/")
	w.deaf = "status of 40" // 401 until the key is shown, 403 where it does not open
	w.login(r.key("viewer", auth.Read|auth.ReadAll, 0))
	w.until("!document.querySelector('dialog[open]')")
	w.visit(r.url + "/#/models")
	w.sees("Your key may look here, not change anything")
	w.sees("painter")
	w.until("[...document.querySelectorAll('.fn .actions button')].length > 0")
	if got := js[string](w, "[...document.querySelectorAll('main button')].map((b) => b.innerText || b.ariaLabel).filter((x) => /Deploy|Load|Keep|Delete|Pull|Build|Unload/.test(x)).join()"); got != "" {
		t.Errorf("it offers %s", got)
	}
	w.visit(r.url + "/#/experiments")
	w.sees("Nothing is compared yet")
	if js[bool](w, "document.body.innerText.includes('New comparison')") {
		t.Error("it offers a comparison")
	}
	w.visit(r.url + "/#/make")
	w.fill("#f-prompt", "not allowed")
	w.click("button[type=submit]", "Make it")
	w.sees("viewer has only read,read-all, and this needs the scope submit") // in the server's words

	w.click("button", "Settings")
	w.click("dialog button", "Log out")
	w.login(r.key("sender", auth.Submit, 0))
	w.sees("sender has only submit, and this needs the scope read")
	w.visit(r.url + "/#/watch")
	w.sees("this needs the scope read")
	w.visit(r.url + "/#/gallery")
	w.sees("this needs the scope read")
	w.visit(r.url + "/#/analytics")
	w.sees("this needs the scope")
}
