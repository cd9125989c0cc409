// Package admin is the control API that the videosdgx command line and the web page use, under /api/v1. Bodies are JSON in
// the spelling of package spec; errors are problem details (RFC 9457).
package admin

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/jsonform"
	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/tasks"
)

// Version is what GET /api/v1/version answers.
type Version struct {
	Version string   `json:"version"`
	Commit  string   `json:"commit,omitempty"`
	Go      string   `json:"go,omitempty"`
	OS      string   `json:"os,omitempty"`
	Arch    string   `json:"arch,omitempty"`
	Driver  string   `json:"driver,omitempty"`      // "containerd" or "process"
	Below   string   `json:"driverBelow,omitempty"` // version of what is below the driver
	Lacks   []string `json:"lacks,omitempty"`       // what the driver does not isolate
	Models  string   `json:"models,omitempty"`      // folder of bundles, on the server's machine

	Checkpoints string `json:"checkpoints,omitempty"` // folder of what it has pulled
	ModelsLimit int64  `json:"modelsLimit,omitempty"` // bytes of disk that both may use together; 0: no limit
}

// Options configure the API; all but Health and Log must be set.
type Options struct {
	Functions gateway.Functions
	Instances gateway.Instances
	Version   Version
	Health    func(context.Context) error                 // nil: healthy while it answers
	Image     func(ctx context.Context, ref string) error // says why there is no such image on this machine; nil: nobody asks
	Runs      func(fn spec.Function) error                // says why no instance of a function could be made; nil: of any that has an image it can
	Machine   func() (any, error)                         // what memory and devices there are, as JSON; nil: not known
	Tasks     *tasks.Runner                               // runs pulls and builds; nil: nobody does
	Storage   func() ([]spec.Storage, error)              // what each kind of files uses of the disk; nil: not known
	Log       *slog.Logger
}

// API is the control API. It implements gateway.Routes.
type API struct {
	o       Options
	started time.Time
}

var _ gateway.Routes = (*API)(nil)

// New makes the API.
func New(o Options) *API {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &API{o, time.Now()}
}

// route is one call and what it asks of its caller.
type route struct {
	need   auth.Need
	handle func(http.ResponseWriter, *http.Request) error
}

func (a *API) routes() map[string]route {
	look, manage := auth.One(auth.ReadAll), auth.One(auth.Manage)
	return map[string]route{
		"GET /api/v1/functions":              {look, a.list},
		"GET /api/v1/functions/{name}":       {look, a.get},
		"PUT /api/v1/functions/{name}":       {manage, a.put},
		"DELETE /api/v1/functions/{name}":    {manage, a.remove},
		"GET /api/v1/functions/{name}/logs":  {look, a.logs},
		"POST /api/v1/functions/{name}/load": {manage, a.load},
		"PUT /api/v1/functions/{name}/pin":   {manage, a.pin},
		"GET /api/v1/machine":                {look, a.machine},
		"GET /api/v1/storage":                {look, a.storage},
		"GET /api/v1/tasks":                  {manage, a.tasks},
		"POST /api/v1/tasks":                 {manage, a.start},
		"DELETE /api/v1/tasks/{id}":          {manage, a.cancelTask},
		"GET /api/v1/tasks/{id}/log":         {manage, a.taskLog},
		"GET /api/v1/instances":              {look, a.instances},
		"DELETE /api/v1/instances/{id}":      {manage, a.stop},
		"GET /api/v1/version":                {auth.Known, a.version},
		"GET /api/v1/health":                 {auth.Everybody, a.health},
	}
}

// Register implements gateway.Routes.
func (a *API) Register(mux *http.ServeMux) {
	for pattern, route := range a.routes() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := route.handle(w, r); err != nil {
				gateway.WriteDetails(w, r, err)
			}
		})
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

// Functions is the answer of GET /api/v1/functions.
type Functions struct {
	Functions []spec.FunctionStatus `json:"functions"`
}

func (a *API) list(w http.ResponseWriter, r *http.Request) error {
	fns, err := gateway.Latest(r.Context(), a.o.Functions)
	if err != nil {
		return err
	}
	out := Functions{make([]spec.FunctionStatus, 0, len(fns))}
	for _, fn := range fns {
		st, err := a.o.Instances.Status(r.Context(), fn.Name)
		if errdefs.IsNotFound(err) {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		out.Functions = append(out.Functions, withoutKeys(a.withImage(r.Context(), st)))
	}
	if b, ok := a.o.Functions.(brokenLister); ok {
		out.Functions = append(out.Functions, b.Broken()...)
	}
	gateway.WriteJSON(w, http.StatusOK, out)
	return nil
}

// brokenLister is what Functions may be able to do besides: name manifests that have never been right.
type brokenLister interface{ Broken() []spec.FunctionStatus }

func (a *API) get(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if _, err := gateway.Find(r.Context(), a.o.Functions, name, ""); err != nil {
		return err
	}
	st, err := a.o.Instances.Status(r.Context(), name)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, withoutKeys(a.withImage(r.Context(), st)))
	return nil
}

// withImage adds what is wrong with a function's image, which a manifest that was written into the folder may name before
// it is there. Only what can be looked up on this machine is: none at all, and a layout's folder.
func (a *API) withImage(ctx context.Context, st spec.FunctionStatus) spec.FunctionStatus {
	if a.o.Runs != nil && st.Fault == "" {
		if err := a.o.Runs(st.Function); err != nil {
			st.Fault = gateway.Sentence(err)
		}
	}
	here := st.Function.Image == "" || strings.HasPrefix(st.Function.Image, "oci:")
	if a.o.Image == nil || !here || st.Fault != "" || st.Instances > 0 {
		return st
	}
	if err := a.o.Image(ctx, st.Function.Image); err != nil && !errdefs.IsUnavailable(err) && ctx.Err() == nil {
		st.Fault = gateway.Sentence(err)
	}
	return st
}

// withoutKeys hides the credentials and queries of addresses that a function's records go to: they never come back.
func withoutKeys(st spec.FunctionStatus) spec.FunctionStatus {
	as := &st.Function.Async
	for _, target := range []*string{&as.OnSuccess, &as.OnFailure} {
		if strings.Contains(*target, "://") {
			*target = outgoing.Shown(*target)
		}
	}
	return st
}

// maxManifest bounds a manifest, in bytes.
const maxManifest = 1 << 20

// put makes or replaces $LATEST of a function: the body is a manifest as JSON, with absolute paths.
func (a *API) put(w http.ResponseWriter, r *http.Request) error {
	b, err := gateway.ReadBody(r, maxManifest, "the manifest")
	if err != nil {
		return err
	}
	var fn spec.Function
	if err := jsonform.Decode(b, &fn); err != nil {
		return fmt.Errorf("the manifest is not JSON of a function: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	name := r.PathValue("name")
	if fn.Name = cmp.Or(fn.Name, name); fn.Name != name {
		return fmt.Errorf("the manifest is of function %s, the path names %s: %w", fn.Name, name, errdefs.ErrInvalidArgument)
	}
	fn.Resolved = spec.Anew // of the image's tag, nobody but its registry says
	_, err = a.o.Functions.Get(r.Context(), name, "")
	status := http.StatusOK
	if errdefs.IsNotFound(err) {
		status = http.StatusCreated
	}
	if fn, err = a.o.Functions.Put(r.Context(), fn); err != nil {
		return err
	}
	gateway.WriteJSON(w, status, withoutKeys(spec.FunctionStatus{Function: fn}).Function)
	return nil
}

func (a *API) remove(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if _, err := gateway.Find(r.Context(), a.o.Functions, name, ""); err != nil {
		return err
	}
	if err := a.o.Functions.Delete(r.Context(), name, ""); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Instances is the answer of GET /api/v1/instances.
type Instances struct {
	Instances []spec.InstanceStatus `json:"instances"`
}

// instances lists what runs, of one function with ?function=NAME.
func (a *API) instances(w http.ResponseWriter, r *http.Request) error {
	all, err := a.o.Instances.Instances(r.Context())
	if err != nil {
		return err
	}
	out := Instances{[]spec.InstanceStatus{}}
	want := r.URL.Query().Get("function")
	for _, i := range all {
		if want == "" || i.Function == want {
			out.Instances = append(out.Instances, i)
		}
	}
	slices.SortFunc(out.Instances, func(x, y spec.InstanceStatus) int {
		return cmp.Or(cmp.Compare(x.Function, y.Function), cmp.Compare(x.ID, y.ID))
	})
	gateway.WriteJSON(w, http.StatusOK, out)
	return nil
}

// stop ends one instance, after what it is answering.
func (a *API) stop(w http.ResponseWriter, r *http.Request) error {
	s, ok := a.o.Instances.(gateway.Stopper)
	if !ok {
		return fmt.Errorf("this server cannot stop single instances: %w", errdefs.ErrNotImplemented)
	}
	if err := s.StopInstance(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) version(w http.ResponseWriter, _ *http.Request) error {
	gateway.WriteJSON(w, http.StatusOK, a.o.Version)
	return nil
}

// Health is the answer of GET /api/v1/health.
type Health struct {
	Status        string  `json:"status"` // "ok" or "failing"
	Fault         string  `json:"problem,omitempty"`
	UptimeSeconds float64 `json:"uptimeSeconds"`
}

func (a *API) health(w http.ResponseWriter, r *http.Request) error {
	out, status := Health{Status: "ok", UptimeSeconds: time.Since(a.started).Seconds()}, http.StatusOK
	if a.o.Health != nil {
		if err := a.o.Health(r.Context()); err != nil {
			out.Status, out.Fault, status = "failing", err.Error(), http.StatusServiceUnavailable
		}
	}
	gateway.WriteJSON(w, status, out)
	return nil
}
