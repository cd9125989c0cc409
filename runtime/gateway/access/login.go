package access

import (
	"errors"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/jsonform"
	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// Login serves /login, where a person shows a key, and /api/v1/session, with which pages do.
type Login struct{ access *Access }

// Login gives the routes.
func (a *Access) Login() Login { return Login{a} }

var (
	_ gateway.Routes  = Login{}
	_ gateway.Guarded = Login{}
)

func (l Login) routes() map[string]func(http.ResponseWriter, *http.Request) error {
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /login":             l.page,
		"GET /api/v1/session":    l.show,
		"POST /api/v1/session":   l.begin,
		"DELETE /api/v1/session": l.end,
	}
}

// Register implements gateway.Routes.
func (l Login) Register(mux *http.ServeMux) {
	for pattern, h := range l.routes() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := h(w, r); err != nil {
				gateway.WriteDetails(w, r, err)
			}
		})
	}
}

// Needs implements gateway.Guarded: they ask for credentials themselves.
func (l Login) Needs() map[string]auth.Need {
	needs := map[string]auth.Need{}
	for pattern := range l.routes() {
		needs[pattern] = auth.Everybody
	}
	needs["GET /api/v1/session"] = auth.Known
	return needs
}

// State is the answer of GET and POST /api/v1/session.
type State struct {
	Asks    bool        `json:"asks"` // whether this server asks who its callers are
	Kind    string      `json:"kind,omitempty"`
	Name    string      `json:"name,omitempty"`
	Client  string      `json:"client,omitempty"` // as whose its jobs are kept
	Scopes  auth.Scopes `json:"scopes"`
	Expires time.Time   `json:"expires,omitzero"`
}

func (l Login) state(p *auth.Principal) State {
	if p == nil {
		return State{Asks: l.access.Asks(), Scopes: auth.Manage}
	}
	return State{Asks: true, Kind: p.Kind, Name: p.Name, Client: p.Client(), Scopes: p.Scopes, Expires: p.Expires}
}

// show is GET /api/v1/session: who the caller is.
func (l Login) show(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	gateway.WriteJSON(w, http.StatusOK, l.state(auth.From(r.Context())))
	return nil
}

// maxShown bounds what a login sends, in bytes.
const maxShown = 16 << 10

// begin is POST /api/v1/session: a key for a cookie, from a script as JSON or from the form of /login.
func (l Login) begin(w http.ResponseWriter, r *http.Request) error {
	body, err := gateway.ReadBody(r, maxShown, "the login")
	if err != nil {
		return err
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := kind == "application/x-www-form-urlencoded"
	var shown struct{ Key, To string }
	if form {
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return fmt.Errorf("the form cannot be read: %w", errdefs.ErrInvalidArgument)
		}
		shown.Key, shown.To = values.Get("key"), values.Get("to")
	} else if err := jsonform.Decode(body, &shown); err != nil {
		return fmt.Errorf(`the body cannot be read (%w): send {"key": "…"}: %w`, err, errdefs.ErrInvalidArgument)
	}
	p, err := l.access.bearer(r, "Bearer "+plain(shown.Key))
	var refused *auth.Refused
	if errors.As(err, &refused) {
		l.access.Log.Info("refused", "path", r.URL.Path, "from", r.RemoteAddr, "requestId", gateway.RequestID(w), "why", refused.Why)
		if form {
			return render(w, http.StatusUnauthorized, shown.To, refused.Text)
		}
		return &gateway.Typed{Status: http.StatusUnauthorized, Type: "UnrecognizedClientException", Err: err}
	}
	if err != nil {
		return err
	}
	token := ""
	if p.Kind == auth.ByToken {
		token = plain(shown.Key)
	}
	value, ends := l.access.sessions.open(p, token)
	setCookie(w, r, value, ends)
	w.Header().Set("Cache-Control", "no-store")
	if form {
		http.Redirect(w, r, here(shown.To), http.StatusSeeOther)
		return nil
	}
	gateway.WriteJSON(w, http.StatusOK, l.state(p))
	return nil
}

// end is DELETE /api/v1/session.
func (l Login) end(w http.ResponseWriter, r *http.Request) error {
	for _, c := range r.CookiesNamed(cookieName) {
		l.access.sessions.close(c.Value)
	}
	setCookie(w, r, "", time.Time{})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

var loginPage = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>VideosDGX</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:12vh auto;padding:0 1rem}input,button{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;margin:.5rem 0}[role=alert]{color:#b00020}</style>
<h1>VideosDGX</h1>
<p>This server asks who you are. Whoever runs it makes a key for you with <code>videosdgx keys create</code>.</p>
{{if .Problem}}<p role="alert">{{.Problem}}</p>{{end}}
<form method="post" action="/api/v1/session"><label>Key <input name="key" type="password" autocomplete="current-password" required autofocus></label>
<input type="hidden" name="to" value="{{.To}}"><button>Log in</button></form>
</html>
`))

func (l Login) page(w http.ResponseWriter, r *http.Request) error {
	return render(w, http.StatusOK, r.URL.Query().Get("to"), "")
}

func render(w http.ResponseWriter, status int, to, problem string) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_ = loginPage.Execute(w, struct{ To, Problem string }{here(to), problem}) // a client that has gone
	return nil
}

// here is an address of this server's own to go to, else its root.
func here(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}

// wantsPage says whether a person's browser asks for a page.
func wantsPage(r *http.Request) bool {
	return r.Method == http.MethodGet && gateway.Negotiate(r, "application/json", "text/html") == "text/html"
}

func toLogin(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/login?to="+url.QueryEscape(here(r.URL.RequestURI())), http.StatusSeeOther)
}
