package keys

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
)

// caller asks the API as somebody; nil: of a server that asks nobody.
func caller(t *testing.T, store *keys.Store, who *auth.Principal) func(method, path, body string) (int, string) {
	t.Helper()
	mux := http.NewServeMux()
	API{store}.Register(mux)
	return func(method, path, body string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		if who != nil {
			r = r.WithContext(auth.With(r.Context(), who))
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
}

func TestKeys(t *testing.T) {
	store, err := keys.Open(filepath.Join(t.TempDir(), "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	first := caller(t, store, nil)
	if code, text := first("POST", "/api/v1/keys", `{"name":"alice","scopes":["read"]}`); code != 400 || !strings.Contains(text, "scope manage") || store.Any() {
		t.Errorf("a first key that nobody could go on with: %d %s", code, text)
	}
	if code, text := first("POST", "/api/v1/keys", `{"name":"admin","scopes":["manage"]}`); code != 201 {
		t.Fatalf("%d %s", code, text)
	}
	ask := caller(t, store, &auth.Principal{Kind: auth.ByKey, Name: "admin", Scopes: auth.Manage})
	code, text := ask("POST", "/api/v1/keys", `{"name":"alice","scopes":["read","submit"],"expiresSeconds":3600}`)
	var made View
	if err := json.Unmarshal([]byte(text), &made); err != nil || code != 201 || made.State != "good" || made.Expires.IsZero() {
		t.Fatalf("%d %s %v", code, text, err)
	}
	if p, err := store.Check(made.Key); err != nil || p.Name != "alice" {
		t.Errorf("%+v, %v", p, err)
	}
	if code, text := ask("GET", "/api/v1/keys", ""); code != 200 || strings.Contains(text, made.Key) || strings.Contains(text, "hash") || strings.Count(text, "\"id\"") != 2 {
		t.Errorf("%d %s", code, text)
	}
	for body, want := range map[string]string{`{`: "must be like", `{"name":"x","scopes":["read"],"expires":"90d"}`: "must be like", `{"name":"x","scopes":["read"]} {}`: "must be like",
		`{"name":"x","scopes":["read"],"scopes":["manage"]}`: "scopes is in the body more than once", `{"name":"x","scopes":["read"],"Expiresseconds":1,"expiresSeconds":0}`: "more than once",
		`{"name":"a b","scopes":["read"]}`: "no name", `{"name":"x","scopes":["root"]}`: "no scope", `{"name":"x","scopes":["read"],"expiresSeconds":99999999999}`: "century"} {
		if code, text := ask("POST", "/api/v1/keys", body); code != 400 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", body, code, text)
		}
	}
	if code, text := ask("DELETE", "/api/v1/keys/alice", ""); code != 200 || !strings.Contains(text, "revoked") {
		t.Errorf("%d %s", code, text)
	}
	if code, _ := ask("DELETE", "/api/v1/keys/nobody", ""); code != 404 {
		t.Errorf("%d", code)
	}
	if _, err := store.Check(made.Key); err == nil {
		t.Error("a revoked key is good")
	}
}
