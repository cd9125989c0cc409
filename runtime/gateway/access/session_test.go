package access

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

func TestNobodyKeepsOthersFromLoggingIn(t *testing.T) {
	now := time.Unix(1e9, 0)
	s := newSessions(func() time.Time { return now })
	bob, alice := &auth.Principal{Kind: auth.ByKey, Name: "bob"}, &auth.Principal{Kind: auth.ByKey, Name: "alice"}
	early, _ := s.open(bob, "")
	first, _ := s.open(alice, "")
	for range maxSessions {
		now = now.Add(time.Millisecond)
		s.open(alice, "")
	}
	late, _ := s.open(bob, "")
	if s.get(early).who != bob || s.get(late).who != bob {
		t.Error("bob's sessions are gone")
	}
	if s.get(first).who != nil || len(s.all) != maxSessions {
		t.Errorf("the first of alice's is there, among %d", len(s.all))
	}
}

// issuer is one whose key may be withdrawn.
type issuer struct{ withdrawn atomic.Bool }

func (i *issuer) Check(context.Context, string) (*auth.Principal, error) {
	if i.withdrawn.Load() {
		return nil, auth.Refuse("no", "its key is gone")
	}
	return &auth.Principal{Kind: auth.ByToken, Name: "tom", Scopes: auth.Read}, nil
}

func TestASessionEndsWithTheKeyOfItsToken(t *testing.T) {
	a, _ := open(t)
	i := &issuer{}
	a.Tokens = i
	mux := http.NewServeMux()
	a.Login().Register(mux)
	h := a.Guard(Listener{Routes: []gateway.Routes{a.Login()}})(mux)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/session", strings.NewReader(`{"key":"tom's"}`)))
	if w.Code != http.StatusOK || len(w.Result().Cookies()) != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	cookie := http.Header{"Cookie": {cookieName + "=" + w.Result().Cookies()[0].Value}}
	if w := do(h, "GET", "/api/v1/session", cookie); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	i.withdrawn.Store(true)
	if w := do(h, "GET", "/api/v1/session", cookie); w.Code != http.StatusUnauthorized {
		t.Errorf("after its key has been withdrawn: %d %s", w.Code, w.Body)
	}
}
