// Package snapshots is the control API of snapshots, under /api/v1. Bodies are JSON in the spelling of snapshotter's
// catalogue; errors have the same shape as the Lambda API's.
package snapshots

import (
	"context"
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// Keeper makes and keeps snapshots. Safe for concurrent use; errors carry an errdefs class.
type Keeper interface {
	// Create makes a snapshot of this version and proves it, in place of the one there is; it may take minutes. tell hears each
	// step as it begins; nil: nobody does.
	Create(ctx context.Context, fn spec.Function, tell func(step string)) (catalog.Record, error)
	// List gives every snapshot, newest first, then the quarantined ones.
	List(ctx context.Context) ([]catalog.Record, error)
	// Get finds one by its id or the beginning of it.
	Get(ctx context.Context, id string) (catalog.Record, error)
	// Verify reads every byte of one; DataLoss when it is damaged, and it is quarantined then.
	Verify(ctx context.Context, id string) (catalog.Record, error)
	// Remove deletes one.
	Remove(ctx context.Context, id string) error
	// Collect deletes those that can never serve again, and says how many and how many bytes that were.
	Collect(ctx context.Context) (n int, bytes int64, err error)
}

// API implements gateway.Routes.
type API struct {
	Keeper    Keeper // nil: this server makes no snapshots
	Off       string // why it makes none
	Functions gateway.Functions
}

var _ gateway.Routes = (*API)(nil)

// List is the answer of GET /api/v1/snapshots.
type List struct {
	Snapshots []catalog.Record `json:"snapshots"`
}

// Collected is the answer of POST /api/v1/snapshots/gc.
type Collected struct {
	Removed int   `json:"removed"`
	Bytes   int64 `json:"bytes"`
}

// route is one call and what it asks of its caller.
type route struct {
	need   auth.Need
	handle func(r *http.Request) (any, error)
}

func (a *API) routes() map[string]route {
	look, manage := auth.One(auth.ReadAll), auth.One(auth.Manage)
	return map[string]route{
		"GET /api/v1/snapshots":              {look, a.list},
		"POST /api/v1/snapshots/gc":          {manage, a.collect},
		"GET /api/v1/snapshots/{id}":         {look, a.get},
		"DELETE /api/v1/snapshots/{id}":      {manage, a.remove},
		"POST /api/v1/snapshots/{id}/verify": {manage, a.verify},
		createPattern:                        {manage, a.create},
	}
}

// Needs implements gateway.Guarded.
func (a *API) Needs() map[string]auth.Need {
	needs := map[string]auth.Need{}
	for pattern, route := range a.routes() {
		needs[pattern] = route.need
	}
	return needs
}

// Register implements gateway.Routes.
func (a *API) Register(mux *http.ServeMux) {
	for pattern, route := range a.routes() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if a.Keeper == nil {
				gateway.WriteDetails(w, r, fmt.Errorf("this server makes no snapshots: %s: %w", a.Off, errdefs.ErrNotImplemented))
				return
			}
			if r.Pattern == createPattern && gateway.WantsOnly(r, "text/event-stream") {
				a.follow(w, r)
				return
			}
			v, err := route.handle(r)
			if err != nil {
				gateway.WriteDetails(w, r, err)
				return
			}
			gateway.WriteJSON(w, http.StatusOK, v)
		})
	}
}

const createPattern = "POST /api/v1/functions/{name}/snapshots"

// create makes a snapshot of ?qualifier= ($LATEST by default) and answers when it is proven.
func (a *API) create(r *http.Request) (any, error) {
	fn, err := gateway.Find(r.Context(), a.Functions, r.PathValue("name"), r.URL.Query().Get("qualifier"))
	if err != nil {
		return nil, err
	}
	return a.Keeper.Create(r.Context(), fn, nil)
}

func (a *API) list(r *http.Request) (any, error) {
	all, err := a.Keeper.List(r.Context())
	return List{append([]catalog.Record{}, all...)}, err
}

func (a *API) get(r *http.Request) (any, error) {
	return a.Keeper.Get(r.Context(), r.PathValue("id"))
}

func (a *API) verify(r *http.Request) (any, error) {
	return a.Keeper.Verify(r.Context(), r.PathValue("id"))
}

func (a *API) remove(r *http.Request) (any, error) {
	return struct{}{}, a.Keeper.Remove(r.Context(), r.PathValue("id"))
}

func (a *API) collect(r *http.Request) (any, error) {
	n, bytes, err := a.Keeper.Collect(r.Context())
	return Collected{n, bytes}, err
}
