// Package access asks who a request comes from, and whether they may: one guard before every route of a listener. What no
// route says of itself is for those who manage, so that a route which was forgotten is closed, not open.
package access

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/videosdgx/videosdgx/runtime/audit"
	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// Keys says whose an API key is.
type Keys interface {
	Check(key string) (*auth.Principal, error)
	Good(id string) bool // whether the key of a session that is open has neither expired nor been revoked
	Any() bool           // whether a key has ever been made
}

// Tokens says whose a JWT is.
type Tokens interface {
	Check(ctx context.Context, token string) (*auth.Principal, error)
}

// Options are what guards of one server share.
type Options struct {
	Keys   Keys   // required
	Tokens Tokens // nil: none are taken
	Always bool   // ask also while there is no key, as an address that others reach calls for
	Rate   Rate
	Audit  *audit.Log // nil: nothing is written down
	All    bool       // write down also while nobody is asked
	Log    *slog.Logger
	Now    func() time.Time
	// Recheck is how soon an answer that lasts ends after the key that opened it; default 5 s.
	Recheck time.Duration
}

// Access asks for credentials. Its guards are one per listener.
type Access struct {
	Options
	sessions *sessions
}

// New makes an Access.
func New(o Options) *Access {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Recheck == 0 {
		o.Recheck = recheck
	}
	return &Access{Options: o, sessions: newSessions(o.Now)}
}

// Asks says whether callers must say who they are: there are keys, or an issuer of tokens, or others reach this server.
func (a *Access) Asks() bool { return a.Always || a.Tokens != nil || a.Keys.Any() }

// Listener is what a guard must know of the routes behind it.
type Listener struct {
	Routes []gateway.Routes
	// Function says what a function's URL asks, where a request is for one; nil: there are none here.
	Function func(r *http.Request) (need auth.Need, ok bool)
	// Signed checks AWS Signature Version 4 of Lambda's paths, and gives the id of the key; nil: none are taken.
	Signed   func(r *http.Request) (id string, err error)
	IsSigned func(r *http.Request) bool
}

// Guard gives what goes before the routes of a listener.
func (a *Access) Guard(l Listener) func(http.Handler) http.Handler {
	rules := newRules(l.Routes)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !a.Asks() {
				a.pass(w, r, l, rules, next)
				return
			}
			need, function := l.need(r, rules)
			p, err := a.who(r, l, need)
			defer a.record(w, r, p, need)
			switch {
			case err != nil:
				a.refuse(w, r, err)
				return
			case p == nil && !need.Public:
				a.refuse(w, r, errNobody)
				return
			case !need.Admits(p):
				a.forbid(w, r, p, need)
				return
			case function && need.Public:
				dropSession(r) // what else it carries is for the function
			case function:
				hide(r) // a function is told nothing that opens the server
			}
			if !a.admit(w, r, p) {
				return
			}
			if p != nil {
				r = r.WithContext(auth.With(r.Context(), p))
				if r.Method == http.MethodGet && !function {
					ctx, stop := a.while(r.Context(), p)
					defer stop()
					r = r.WithContext(ctx)
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// pass serves a request while nobody is asked: what its route needs is looked up only where that makes a difference.
func (a *Access) pass(w http.ResponseWriter, r *http.Request, l Listener, rules *rules, next http.Handler) {
	if a.All || len(r.Header["Cookie"]) > 0 {
		need, function := l.need(r, rules)
		if function {
			dropSession(r)
		}
		if a.All {
			defer a.record(w, r, nil, need)
		}
	}
	if a.admit(w, r, nil) {
		next.ServeHTTP(w, r)
	}
}

func (l Listener) need(r *http.Request, rules *rules) (need auth.Need, function bool) {
	if l.Function != nil {
		if need, ok := l.Function(r); ok {
			return need, true
		}
	}
	return rules.need(r), false
}

// errNobody asks for credentials where there are none.
var errNobody = auth.Refuse("this server asks who you are: send an API key as 'Authorization: Bearer KEY' (videosdgx: VIDEOSDGX_KEY or --key-file); 'videosdgx keys create' makes one", "no credentials")

// refuse answers 401, with Lambda's words where Lambda's clients listen.
func (a *Access) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var refused *auth.Refused
	if !errors.As(err, &refused) { // a signature that does not fit, a body that does not arrive
		a.Log.Info("refused", "path", r.URL.Path, "from", r.RemoteAddr, "requestId", gateway.RequestID(w), "error", err)
		gateway.Refuse(w, r, gateway.Explain(err))
		return
	}
	a.Log.Info("refused", "path", r.URL.Path, "from", r.RemoteAddr, "requestId", gateway.RequestID(w), "why", refused.Why)
	if errors.Is(err, errNobody) && wantsPage(r) {
		toLogin(w, r)
		return
	}
	p := gateway.Problem{Status: http.StatusUnauthorized, Type: "UnrecognizedClientException", Message: refused.Text}
	challenge := `Bearer realm="VideosDGX"`
	if errors.Is(err, errNobody) {
		p.Type = "MissingAuthenticationTokenException"
	} else {
		challenge += `, error="invalid_token"`
	}
	if gateway.OfLambda(r.URL.Path) {
		p.Status = http.StatusForbidden // as AWS has it: SDKs know no 401
	}
	w.Header().Set("WWW-Authenticate", challenge)
	gateway.Refuse(w, r, p)
}

// forbid answers 403 to somebody who is known and may not.
func (a *Access) forbid(w http.ResponseWriter, r *http.Request, p *auth.Principal, need auth.Need) {
	a.Log.Info("forbidden", "path", r.URL.Path, "from", r.RemoteAddr, "requestId", gateway.RequestID(w), "who", p.Name, "kind", p.Kind, "needs", need.String())
	w.Header().Set("WWW-Authenticate", `Bearer realm="VideosDGX", error="insufficient_scope"`)
	has := "no scope"
	if p.Scopes != 0 {
		has = "only " + p.Scopes.String()
	}
	gateway.Refuse(w, r, gateway.Problem{Status: http.StatusForbidden, Type: "AccessDeniedException",
		Message: p.Name + " has " + has + ", and this needs " + need.String() + ": ask for a key with it"})
}

var _ Keys = (*keys.Store)(nil)
