package rest

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Options configure the API. Zero values take the defaults that WithDefaults names.
type Options struct {
	Jobs    *jobs.Service // required
	Models  jobs.Models   // required
	Log     *slog.Logger
	Version string                       // of the server, for /openapi.json
	Client  func(r *http.Request) string // who asks, for fairness; default: X-Client-Id, else the address
	MaxWait time.Duration                // longest Prefer: wait; default 10m
	Hold    time.Duration                // how long a player waits for a clip's first chunk; default 50s
	Beat    time.Duration                // between comments that keep an event stream open; default 15s
	// Vet says of which field of a request the text is not taken, and why, after the field's name; nil: every text is.
	Vet func(ctx context.Context, client string, texts map[string]string) (field, problem string, err error)
	// CheckLoRAs says what is wrong with the LoRAs that a request asks a function for, in a sentence without its stop; nil: nothing is.
	CheckLoRAs func(ctx context.Context, function string, list any) (problem string, err error)
	CheckHook  func(address string) error // why a webhook cannot be called; nil: every http(s) address can
	MaxImage   int64                      // bytes of a generate body; default 24 MiB
	MaxBatch   int64                      // bytes of a batch body; default 64 MiB
	MaxUpload  int64                      // bytes of an upload; default 256 MiB

	Reuse       Reuse                                                                              // when a request is answered with a clip that there is; default asked
	Similar     float64                                                                            // how alike prompts must be for one's clip to stand for another's; 0: never
	LoRAs       func() []string                                                                    // names of LoRAs that requests may give; nil: there are none
	Experiments *experiments.Store                                                                 // nil: there are none here
	Versions    func(ctx context.Context, function, version string) error                          // NotFound where a function has no such version or alias; nil: all are there
	Route       func(ctx context.Context, function, alias, one, other string, share float64) error // points an alias to one version, and a share of its events to the other; "": none
	Promote     Promoter                                                                           // gives an alias to the winner of an experiment; nil: nobody does
}

// WithDefaults fills in what is zero.
func (o Options) WithDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Client == nil {
		o.Client = clientOf
	}
	if o.CheckHook == nil {
		o.CheckHook = outgoing.Valid
	}
	o.Models = jobs.Cached(o.Models, 200*time.Millisecond)
	set(&o.Version, "dev")
	set(&o.Reuse, ReuseAsked)
	set(&o.MaxWait, 10*time.Minute)
	set(&o.Hold, firstWait)
	set(&o.Beat, 15*time.Second)
	set(&o.MaxImage, 24<<20)
	set(&o.MaxBatch, 64<<20)
	set(&o.MaxUpload, maxFile)
	return o
}

func set[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// API serves the models and their jobs.
type API struct {
	o       Options
	schemas requests
	board   *board
	usage   reports
	tallies tallies
}

// New makes the API; mount it with Register and each model's own with Model.
func New(o Options) *API {
	a := &API{o: o.WithDefaults()}
	a.board = newBoard(a)
	return a
}

// endpoint is one operation, for the mux and for the OpenAPI document.
type endpoint struct {
	method, path string
	need         auth.Need
	handle       func(*API) handler
	doc          operation
}

// handler answers or returns an error that becomes a problem.
type handler func(w http.ResponseWriter, r *http.Request) error

func (a *API) wrap(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			a.fail(w, r, err)
		}
	})
}

// Register mounts everything on the gateway's own port.
func (a *API) Register(mux *http.ServeMux) {
	for _, e := range perModel() {
		mux.Handle(e.method+" /v1/models/{model}"+e.path, a.wrap(e.handle(a)))
	}
	for _, e := range a.global() {
		mux.Handle(e.method+" "+e.path, a.wrap(e.handle(a)))
	}
}

// Needs implements gateway.Guarded.
func (a *API) Needs() map[string]auth.Need {
	needs := map[string]auth.Need{}
	for _, e := range perModel() {
		needs[e.method+" /v1/models/{model}"+e.path] = e.need
	}
	for _, e := range a.global() {
		needs[e.method+" "+e.path] = e.need
	}
	return needs
}

// Model gives the routes of one model's own port: the same endpoints without the prefix.
func (a *API) Model(name string) *ModelRoutes { return &ModelRoutes{a, name} }

// ModelRoutes is the API as a model's own port shows it.
type ModelRoutes struct {
	api  *API
	name string
}

// Register mounts the model's endpoints at the root.
func (m *ModelRoutes) Register(mux *http.ServeMux) {
	for _, e := range perModel() {
		h := m.api.wrap(e.handle(m.api))
		mux.HandleFunc(e.method+" "+e.path, func(w http.ResponseWriter, r *http.Request) {
			r.SetPathValue("model", m.name)
			h.ServeHTTP(w, r)
		})
	}
	mux.Handle("GET /openapi.json", m.api.wrap(m.openapi))
}

// Needs implements gateway.Guarded.
func (m *ModelRoutes) Needs() map[string]auth.Need {
	needs := map[string]auth.Need{}
	for _, e := range append(perModel(), ownOpenAPI()) {
		needs[e.method+" "+e.path] = e.need
	}
	return needs
}

// prefix is the path under which the request's model is served, for links.
func prefix(r *http.Request) string {
	if name := r.PathValue("model"); strings.HasPrefix(r.URL.Path, "/v1/models/") && name != "" {
		return "/v1/models/" + name
	}
	return ""
}

var idForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// job finds the job that the path names; under a model's path only that model's.
func (a *API) job(r *http.Request) (jobs.Job, error) {
	id, model := r.PathValue("id"), r.PathValue("model")
	if !idForm.MatchString(id) {
		return jobs.Job{}, unknownJob(id)
	}
	if model != "" {
		if _, err := a.o.Models.Model(r.Context(), model); err != nil {
			return jobs.Job{}, err
		}
	}
	j, err := a.o.Jobs.Get(r.Context(), id)
	if err == nil && (model != "" && j.Model != model || !sees(r, j.Client)) {
		return jobs.Job{}, unknownJob(id)
	}
	return j, err
}

// clientOf tells clients apart by who they have proved to be, where the server asks; who manages may speak for others. Else
// by what they say, or by where they are: where a proxy says that they are, or the connection. None of that is proof; it
// decides whose turn it is.
func clientOf(r *http.Request) string {
	if p := auth.From(r.Context()); p != nil && p.Client() != "" && (!p.Scopes.Allow(auth.Manage) || r.Header.Get("X-Client-Id") == "") {
		return p.Client()
	}
	if v := r.Header.Get("X-Client-Id"); v != "" {
		return v
	}
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ",")
	if ip, err := netip.ParseAddr(strings.TrimSpace(first)); err == nil {
		return ip.String()
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}
