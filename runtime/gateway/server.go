package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/sockio"
)

// Routes is a group of endpoints.
type Routes interface {
	Register(mux *http.ServeMux)
}

// Guarded is what Routes can do besides: say what each of its patterns asks of its callers. A pattern that is not named asks
// for the scope manage.
type Guarded interface {
	Needs() map[string]auth.Need
}

// Mount is one pattern of http.ServeMux and what serves it, such as {"GET /metrics", promhttp.Handler(), …}.
type Mount struct {
	Pattern string
	Handler http.Handler
	Need    auth.Need
}

// Needs implements Guarded.
func (m Mount) Needs() map[string]auth.Need { return map[string]auth.Need{m.Pattern: m.Need} }

// Register implements Routes.
func (m Mount) Register(mux *http.ServeMux) { mux.Handle(m.Pattern, m.Handler) }

// Options configure a Server. Zero values take the defaults that WithDefaults names.
type Options struct {
	Routes    []Routes
	Wrap      []func(http.Handler) http.Handler // around the routes, the first outermost; function URLs come in here
	Routed    func(*http.Request)               // nil, or told of each request once a route has answered: its Pattern says which
	Log       *slog.Logger
	AccessLog *slog.Logger // nil: none
	Origins   []string     // of web pages elsewhere that may use the API, as "https://host:port"
	Hosts     []string     // names under which the server answers besides localhost and its addresses; "*.example.com", "*": any

	Proxies Proxies // in front of the server, which say who calls; none: nobody is believed

	Connections *Connections // that there may be, shared with other servers; nil: bounds of its own

	MaxBody       int64         // bytes of any request body; endpoints have tighter limits of their own; default 256 MiB
	HeaderTimeout time.Duration // until the request's head is there; default 10s
	BodyTimeout   time.Duration // for the body, on top of one second per 64 KiB; default 10s
	IdleTimeout   time.Duration // of a kept-alive connection; default 2m
}

// WithDefaults fills in what is zero.
func (o Options) WithDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxBody == 0 {
		o.MaxBody = 256 << 20
	}
	if o.HeaderTimeout == 0 {
		o.HeaderTimeout = 10 * time.Second
	}
	if o.BodyTimeout == 0 {
		o.BodyTimeout = 10 * time.Second
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = 2 * time.Minute
	}
	if o.Connections == nil {
		o.Connections = NewConnections(Bounds{}, o.Log)
	}
	return o
}

// Every request gets an id. The pool must be switched on before anybody makes one: the switch is not synchronised.
func init() { uuid.EnableRandPool() }

// Server is the control plane's HTTP server.
type Server struct {
	http   *http.Server
	log    *slog.Logger
	cancel context.CancelCauseFunc
}

var errStopping = errors.New("the server is stopping")

// New builds the server. It panics when two routes have the same pattern, as http.ServeMux does, or an origin is not one.
func New(o Options) *Server {
	o = o.WithDefaults()
	base, cancel := context.WithCancelCause(context.Background())
	leaving, leave := context.WithCancel(base)
	s := &Server{cancel: cancel, log: o.Log, http: &http.Server{
		Handler: newHandler(o),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.WithValue(base, serverContext{}, base), leavingContext{}, leaving)
		},
		Protocols:         protocols(),
		ConnContext:       o.Connections.context,
		ConnState:         o.Connections.state,
		ReadHeaderTimeout: o.HeaderTimeout,
		IdleTimeout:       o.IdleTimeout,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}}
	s.http.RegisterOnShutdown(leave)
	return s
}

func newHandler(o Options) http.Handler {
	mux := http.NewServeMux()
	for _, r := range o.Routes {
		r.Register(mux)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { noRoute(mux, w, r) })
	h := sameOrigin(o.Origins, routed(mux, o.Routed))
	for i := len(o.Wrap) - 1; i >= 0; i-- {
		h = o.Wrap[i](h)
	}
	return overTLS(o.Proxies.from(observe(o, named(o.Hosts, notAll(h)))))
}

// routed tells of each request that mux has answered.
func routed(mux http.Handler, tell func(*http.Request)) http.Handler {
	if tell == nil {
		return mux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer tell(r)
		mux.ServeHTTP(w, r)
	})
}

// Handler is what the server serves, for tests and for embedding.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve takes requests from l until Stop; it gives nil after a Stop.
func (s *Server) Serve(l net.Listener) error {
	return s.serve(l, nil)
}

// ServeTLS is Serve over TLS, with HTTP/2 where both sides speak it. Answers tell browsers to come by TLS alone from then on.
func (s *Server) ServeTLS(l net.Listener, config *tls.Config) error {
	return s.serve(l, config)
}

func (s *Server) serve(l net.Listener, config *tls.Config) error {
	err := s.http.Serve(wires{sockio.Listener(l), config, s.http.ReadHeaderTimeout, s.log})
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve http on %s: %w", l.Addr(), err)
	}
	return nil
}

// Stop takes no more requests, ends those that are Following at once, and waits for the others in flight until ctx ends; then it
// cancels them. It may be called twice.
func (s *Server) Stop(ctx context.Context) error {
	defer s.cancel(errStopping)
	if err := s.http.Shutdown(ctx); err != nil {
		s.cancel(errStopping)
		return errors.Join(err, s.http.Close())
	}
	return nil
}

// noRoute answers what no pattern took: 405 when another method would have been taken, else 404.
func noRoute(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	var allow []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		probe := r.Clone(r.Context())
		probe.Method = m
		if _, pattern := mux.Handler(probe); pattern != "/" && pattern != "" {
			allow = append(allow, m)
		}
	}
	if len(allow) > 0 {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		refuse(w, r, Problem{Status: http.StatusMethodNotAllowed, Type: "InvalidRequestContentException",
			Message: fmt.Sprintf("%s is not allowed on %s; allowed: %s%s", r.Method, r.URL.Path, strings.Join(allow, ", "), meant(r))})
		return
	}
	refuse(w, r, Explain(fmt.Errorf("nothing is served at %s; function URLs are under /fn/NAME/, the Lambda API under /2015-03-31/functions, the rest in /openapi.json%s: %w",
		r.URL.Path, meant(r), errdefs.ErrNotFound)))
}

// meant says where a job is posted, to whoever posts one elsewhere; "" to all others.
func meant(r *http.Request) string {
	path := strings.TrimSuffix(r.URL.Path, "/")
	at := path[strings.LastIndexByte(path, '/')+1:]
	if r.Method != http.MethodPost && r.Method != http.MethodPut || at != "jobs" && at != "generate" && at != "batch" {
		return ""
	}
	to := "generate"
	if at == "batch" {
		to = at
	}
	if base := strings.TrimSuffix(path, at); base != "/v1/" && at == "jobs" {
		return "; a job is made by POST " + base + to
	}
	return "; a job is made by POST /v1/models/MODEL/" + to + ", and GET /v1/models lists the models"
}
