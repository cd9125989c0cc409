package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spool"
)

// Runner runs one job's event; spec.Invoker has its contract.
type Runner interface {
	Invoke(ctx context.Context, inv spec.Invocation) (*spec.Result, error)
}

// Models says what can be generated with. Safe for concurrent use; both are called often and must be quick.
type Models interface {
	// Model finds a model by its public name; NotFound names those there are.
	Model(ctx context.Context, name string) (Model, error)
	// Models gives all, by name.
	Models(ctx context.Context) ([]Model, error)
}

// Model is one model as the queue sees it.
type Model struct {
	Name        string
	Function    string
	Description string
	Version     string
	Concurrency int           // jobs at once
	Timeout     time.Duration // of one attempt
	MaxPayload  int64         // largest event in bytes; 0: no limit known
	MaxJobs     int           // that may wait; 0: no limit
	Port        int           // REST port of its own; 0: none
	GPUs        int           // that each instance has
	Identity    string        // digest of what answers: function, version and bundle; "": not known
	Instances   int           // up now
	Memory      int64         // bytes that they hold
	LastUse     time.Time
	UnloadAt    time.Time       // when the last idle instance goes; zero: not known or never
	Fault       string          // why the function cannot serve as configured
	Info        json.RawMessage // what its bundle says of it, JSON; nil: not known
	Schema      json.RawMessage // JSON Schema of its request; nil: it publishes none
}

// Config is the service's settings. Zero fields take the default.
type Config struct {
	Node             string        // unique among the nodes of a store; default "local"
	Outputs          string        // directory of results, shared by all nodes of a store; required
	Policy           Policy        //
	Quota            Quota         // of each client
	Lease            time.Duration // a node that is silent for this long has lost its jobs; default 15s
	Yield            time.Duration // how long a fresh job is left to a node that has its model warm; default 2s
	Retry            Backoff       // default 2s … 5m
	MaxAttempts      int           // default 3
	MaxInterruptions int           // node deaths that one job survives; default 25
	Deadline         time.Duration // from submission, unless the job says; default 24h
	MaxQueued        int           // default 100000
	MinFree          int64         // bytes that must stay free on the disk of Outputs; default 256 MiB
	KeepFor          time.Duration // retention of ended jobs; default 30 days
	KeepBytes        int64         // retention: size of all results; 0: no limit
	KeepUploads      time.Duration // how long an upload waits for its job; default 24h
	MaxUploads       int64         // bytes of all uploads, a quarter of it for one client; default 8 GiB
	EmbedTime        time.Duration // how long a function may take to read prompts, its start included; default 30s
	HookRetry        Backoff       // default 5s … 1h
	HookAttempts     int           // default 8
}

// Deps is what the service works with.
type Deps struct {
	Store  Backend
	Runner Runner
	Models Models
	Log    *slog.Logger
	Now    func() time.Time                          // nil: time.Now
	Free   func(dir string) (uint64, error)          // free bytes; nil: statfs
	Step   func(step string) error                   // nil, or a test's way to fail a file step by name
	Spool  *spool.Spool                              // of answers that are no streams; nil: one of the service's own, on the disk of Outputs
	Trace  Tracer                                    // nil: nobody wants to know
	Tell   func(ctx context.Context, n Notice) error // tells a webhook's receiver, once; nil: webhooks are refused
}

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	c.Node = orDefault(c.Node, "local")
	c.Policy = c.Policy.WithDefaults()
	c.Lease = orDefault(c.Lease, 15*time.Second)
	c.Yield = orDefault(c.Yield, 2*time.Second)
	c.Retry = orDefault(c.Retry, Backoff{2 * time.Second, 5 * time.Minute})
	c.MaxAttempts = orDefault(c.MaxAttempts, 3)
	c.MaxInterruptions = orDefault(c.MaxInterruptions, 25)
	c.Deadline = orDefault(c.Deadline, 24*time.Hour)
	c.MaxQueued = orDefault(c.MaxQueued, 100_000)
	c.MinFree = orDefault(c.MinFree, 256<<20)
	c.KeepFor = orDefault(c.KeepFor, 30*24*time.Hour)
	c.KeepUploads = orDefault(c.KeepUploads, 24*time.Hour)
	c.MaxUploads = orDefault(c.MaxUploads, 8<<30)
	c.EmbedTime = orDefault(c.EmbedTime, 30*time.Second)
	c.HookRetry = orDefault(c.HookRetry, Backoff{5 * time.Second, time.Hour})
	c.HookAttempts = orDefault(c.HookAttempts, 8)
	return c
}

// Validate says what cannot work.
func (c Config) Validate() error {
	if c.Outputs == "" {
		return fmt.Errorf("jobs: no outputs directory is set: %w", errdefs.ErrInvalidArgument)
	}
	if c.Lease < 300*time.Millisecond {
		return fmt.Errorf("jobs: a lease of %s is too short, use at least 300ms: %w", c.Lease, errdefs.ErrInvalidArgument)
	}
	return nil
}
