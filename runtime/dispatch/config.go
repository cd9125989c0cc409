package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Functions is the catalogue. Safe for concurrent use, and cheap: it is asked for every invocation.
type Functions interface {
	// Get resolves a name and a qualifier to one version; errors carry an errdefs class.
	Get(ctx context.Context, name, qualifier string) (spec.Function, error)
	// List gives every $LATEST.
	List(ctx context.Context) ([]spec.Function, error)
	// Versions gives $LATEST and the published ones.
	Versions(ctx context.Context, name string) ([]spec.Function, error)
	// Mistake says why a function's manifest on disk is not what serves, "" when it is.
	Mistake(name string) string
}

// Snapshots offers checkpoints of warm instances to starts, and is told how those starts went. Calls must not block for
// long.
type Snapshots interface {
	// Lookup gives the folder with the images of a checkpoint of exactly this version, if there is one whose processes can come back on
	// these GPUs, which were chosen for the start.
	Lookup(fn spec.Function, gpus []string) (dir string, ok bool)
	// Started is called after a plain start. The implementation may then make a snapshot, see Dispatcher.Lend.
	Started(fn spec.Function)
	// Restored is called after a start from the checkpoint.
	Restored(fn spec.Function)
	// Failed is called when the checkpoint did not restore; Lookup should not give it again.
	Failed(fn spec.Function, err error)
}

// Meter counts what happens, for the metrics. Calls must not block.
type Meter interface {
	// Invoked counts an invocation that is over. outcome is "ok" or one word for what went wrong; total is the time from
	// its arrival to the end of its answer.
	Invoked(function, outcome string, p spec.Phases, total time.Duration)
	// Started counts an instance that became ready; by is "plain" or "snapshot", took the time from the wish for it.
	Started(function, by string, took time.Duration)
	// StartFailed counts one that did not become ready.
	StartFailed(function string)
	// Evicted counts an instance that was stopped to make room for another function's.
	Evicted(function string)
	// Reaped counts an idle instance whose keep-alive was over.
	Reaped(function string)
	// Forget drops what is counted of a function that has been deleted.
	Forget(function string)
}

// Config says what a Dispatcher works with.
type Config struct {
	Functions Functions
	Secrets   func(refs map[string]string) (map[string]string, error) // values of what a manifest's secrets name; nil: there are none
	Sandbox   instance.Sandbox
	RunDir    string                          // one folder per instance; short, since a unix socket's path has at most 107 bytes
	LogDir    string                          // one folder per function, one file per instance
	Owner     string                          // tells this control plane's instances from others' on the machine
	Pools     func() []placement.Pool         // the machine's memory now; nil: start whatever is asked for
	Devices   func() map[int]placement.Demand // device memory that processes hold, by their ids and by pool; nil: there is none
	ARN       func(name string) string        // default: region us-east-1, account 000000000000
	Snapshots Snapshots                       // nil: every start is plain
	Meter     Meter                           // nil: nobody listens
	Terms     placement.Terms                 // of adaptive keep-alive; default placement.DefaultTerms
	StopGrace time.Duration                   // from SIGTERM to SIGKILL; default 2 s
	Boots     int                             // instances that are being made at the same time; default twice the processors, at least 4
	Sample    time.Duration                   // how often memory in use is looked at; default 2 s
	Log       *slog.Logger                    // default slog.Default()
}

// WithDefaults returns a copy with every zero field that has a default filled in.
func (c Config) WithDefaults() Config {
	if c.ARN == nil {
		c.ARN = func(name string) string { return "arn:aws:lambda:us-east-1:000000000000:function:" + name }
	}
	if c.Meter == nil {
		c.Meter = silent{}
	}
	if c.Terms == (placement.Terms{}) {
		c.Terms = placement.DefaultTerms
	}
	if c.StopGrace == 0 {
		c.StopGrace = 2 * time.Second
	}
	if c.Boots == 0 {
		c.Boots = max(4, 2*runtime.NumCPU())
	}
	if c.Sample == 0 {
		c.Sample = 2 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// Validate says what is missing.
func (c Config) Validate() error {
	if c.Functions == nil || c.Sandbox == nil || c.RunDir == "" || c.LogDir == "" || c.Owner == "" {
		return errors.New("dispatch: Functions, Sandbox, RunDir, LogDir and Owner must be given")
	}
	return nil
}

type silent struct{}

func (silent) Invoked(string, string, spec.Phases, time.Duration) {}
func (silent) Started(string, string, time.Duration)              {}
func (silent) StartFailed(string)                                 {}
func (silent) Evicted(string)                                     {}
func (silent) Reaped(string)                                      {}
func (silent) Forget(string)                                      {}
