// Package keys is the control API of API keys, under /api/v1. A key is shown once, in the answer that makes it.
package keys

import (
	"fmt"
	"net/http"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/jsonform"
	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// API implements gateway.Routes.
type API struct{ Keys *keys.Store }

var (
	_ gateway.Routes  = API{}
	_ gateway.Guarded = API{}
)

// View is a key as it is shown, and in the answer that makes it with Key, which is all of it.
type View struct {
	keys.Record
	State string `json:"state"` // good, expired or revoked
	Key   string `json:"key,omitempty"`
}

// List is the answer of GET /api/v1/keys, and of DELETE with those that it has ended.
type List struct {
	Keys    []View `json:"keys"`
	Warning string `json:"warning,omitempty"` // of DELETE: what has not been written down
}

// Wish is the body of POST /api/v1/keys.
type Wish struct {
	keys.Wish
	ExpiresSeconds int64 `json:"expiresSeconds,omitempty"` // from now; 0: never
}

func (a API) routes() map[string]func(http.ResponseWriter, *http.Request) error {
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /api/v1/keys":         a.list,
		"POST /api/v1/keys":        a.create,
		"DELETE /api/v1/keys/{id}": a.revoke,
	}
}

// Register implements gateway.Routes.
func (a API) Register(mux *http.ServeMux) {
	for pattern, h := range a.routes() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			if err := h(w, r); err != nil {
				gateway.WriteDetails(w, r, err)
			}
		})
	}
}

// Needs implements gateway.Guarded.
func (a API) Needs() map[string]auth.Need {
	needs := map[string]auth.Need{}
	for pattern := range a.routes() {
		needs[pattern] = auth.One(auth.Manage)
	}
	return needs
}

func (a API) list(w http.ResponseWriter, _ *http.Request) error {
	all, err := a.Keys.List()
	if err == nil {
		gateway.WriteJSON(w, http.StatusOK, List{Keys: Views(all)})
	}
	return err
}

// maxWish bounds the body of a wish, in bytes.
const maxWish = 16 << 10

func (a API) create(w http.ResponseWriter, r *http.Request) error {
	body, err := gateway.ReadBody(r, maxWish, "the request")
	if err != nil {
		return err
	}
	var wish Wish
	if err := jsonform.DecodeKnown(body, &wish); err != nil { // an "expires" that is passed over would be a key for ever
		return fmt.Errorf(`the body must be like {"name": "alice", "scopes": ["submit", "read"], "expiresSeconds": 86400}: %w: %w`, err, errdefs.ErrInvalidArgument)
	}
	wish.Expires = time.Duration(wish.ExpiresSeconds) * time.Second
	if wish.ExpiresSeconds > 100*365*86400 {
		return fmt.Errorf("expiresSeconds is more than a century: leave it out for a key that does not expire: %w", errdefs.ErrInvalidArgument)
	}
	if auth.From(r.Context()) == nil && !wish.Scopes.Allow(auth.Manage) {
		return fmt.Errorf("this server asks nobody yet, and would ask everybody from this key on: make the first one with the scope manage, or nobody could make others: %w", errdefs.ErrInvalidArgument)
	}
	rec, key, err := a.Keys.Create(wish.Wish)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusCreated, View{rec, rec.State(time.Now()), key})
	return nil
}

func (a API) revoke(w http.ResponseWriter, r *http.Request) error {
	ended, warning, err := a.Keys.Revoke(r.PathValue("id"))
	if err == nil {
		gateway.WriteJSON(w, http.StatusOK, List{Views(ended), warning})
	}
	return err
}

// Views are records as they are shown.
func Views(all []keys.Record) []View {
	views := make([]View, len(all))
	for i, r := range all {
		views[i] = View{r, r.State(time.Now()), ""}
	}
	return views
}
