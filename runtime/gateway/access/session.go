package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// A browser shows a key once and has a session then, since what a page loads by itself (clips, event streams) can carry
// nothing but a cookie. Sessions are in memory: a restart ends them. No page's script can read the cookie, and no page of
// another site makes a browser send it.

const (
	cookieName  = "videosdgx_session"
	sessionAge  = 12 * time.Hour
	maxSessions = 10000
)

type sessions struct {
	now func() time.Time

	mu  sync.Mutex
	all map[[sha256.Size]byte]session
}

type session struct {
	who   *auth.Principal
	token string // that it was opened with, which is checked again; "": a key
	ends  time.Time
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, all: map[[sha256.Size]byte]session{}}
}

// open begins a session and gives the cookie's value.
func (s *sessions) open(p *auth.Principal, token string) (value string, ends time.Time) {
	value = rand.Text() + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	ends = now.Add(sessionAge)
	if !p.Expires.IsZero() && p.Expires.Before(ends) {
		ends = p.Expires
	}
	if len(s.all) >= maxSessions {
		for k, one := range s.all {
			if !now.Before(one.ends) {
				delete(s.all, k)
			}
		}
	}
	if len(s.all) >= maxSessions {
		s.drop()
	}
	s.all[sha256.Sum256([]byte(value))] = session{p, token, ends}
	return value, ends
}

// drop ends the session that ends first of whoever has most of them: nobody can keep others from logging in. Called with mu held.
func (s *sessions) drop() {
	type owner struct{ kind, name string }
	held, most := map[owner]int{}, owner{}
	for _, one := range s.all {
		o := owner{one.who.Kind, one.who.Name}
		if held[o]++; held[o] > held[most] {
			most = o
		}
	}
	var first [sha256.Size]byte
	for k, one := range s.all {
		if (owner{one.who.Kind, one.who.Name}) == most && (first == [sha256.Size]byte{} || one.ends.Before(s.all[first].ends)) {
			first = k
		}
	}
	delete(s.all, first)
}

// get gives a session; the zero one where there is none.
func (s *sessions) get(value string) session {
	sum := sha256.Sum256([]byte(value))
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.all[sum]
	if !ok {
		return session{}
	}
	if !s.now().Before(one.ends) {
		delete(s.all, sum)
		return session{}
	}
	return one
}

func (s *sessions) close(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sha256.Sum256([]byte(value)))
}

// session says whose a session is; one of a key or a token that is no longer good has ended.
func (a *Access) session(ctx context.Context, value string) (*auth.Principal, error) {
	one := a.sessions.get(value)
	p := one.who
	if p == nil || p.Kind == auth.ByKey && !a.Keys.Good(p.ID) {
		return nil, errNobody
	}
	if one.token != "" { // whose key the issuer may have withdrawn
		if _, err := a.Tokens.Check(ctx, one.token); err != nil {
			return nil, errNobody
		}
	}
	return p, nil
}

func setCookie(w http.ResponseWriter, r *http.Request, value string, ends time.Time) {
	c := &http.Cookie{Name: cookieName, Value: value, Path: "/", HttpOnly: true, Secure: gateway.Secure(r), SameSite: http.SameSiteStrictMode, Expires: ends.UTC()}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// plain is a credential as a person pastes it.
func plain(s string) string { return strings.TrimSpace(s) }
