package access

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// follow is a route whose answer lasts as long as its reader may have it.
type follow struct{ began, ended chan bool }

func (f follow) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /follow", func(_ http.ResponseWriter, r *http.Request) {
		f.began <- true
		<-r.Context().Done()
		f.ended <- true
	})
}

func (follow) Needs() map[string]auth.Need {
	return map[string]auth.Need{"GET /follow": auth.One(auth.Read)}
}

// TestWhatIsFollowedEndsWithItsKey: revoked or expired, and not while it is good.
func TestWhatIsFollowedEndsWithItsKey(t *testing.T) {
	var ahead atomic.Int64 // of the clock
	for name, end := range map[string]func(*testing.T, *keys.Store){
		"revoked": func(t *testing.T, s *keys.Store) {
			if _, _, err := s.Revoke("ana"); err != nil {
				t.Fatal(err)
			}
		},
		"expired": func(*testing.T, *keys.Store) { ahead.Store(int64(2 * time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			ahead.Store(0)
			a, store := open(t)
			a.Recheck, a.Now = 10*time.Millisecond, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			_, key, err := store.Create(keys.Wish{Name: "ana", Scopes: auth.Read, Expires: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			f := follow{make(chan bool, 1), make(chan bool, 1)}
			mux := http.NewServeMux()
			f.Register(mux)
			h := a.Guard(Listener{Routes: []gateway.Routes{f}})(mux)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan bool)
			go func() {
				r := httptest.NewRequestWithContext(ctx, "GET", "/follow", nil)
				r.Header.Set("Authorization", "Bearer "+key)
				h.ServeHTTP(httptest.NewRecorder(), r)
				close(done)
			}()
			select {
			case <-f.began:
			case <-done:
				t.Fatal("it is refused")
			}
			select {
			case <-f.ended:
				t.Fatal("it ends although its key is good")
			case <-time.After(60 * time.Millisecond): // six looks
			}
			end(t, store)
			<-f.ended
			<-done
		})
	}
}
