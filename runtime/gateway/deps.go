// Package gateway is the public HTTP surface of the control plane: one file per endpoint, and the only place that maps
// error classes to status codes.
package gateway

import (
	"context"
	"io"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Functions is the catalogue of functions, versions and settings. Safe for concurrent use; errors carry an errdefs class.
type Functions interface {
	// Get resolves a name and a qualifier (version, alias, "" or "$LATEST"; a weighted alias draws) to one version.
	Get(ctx context.Context, name, qualifier string) (spec.Function, error)
	// List gives every $LATEST, by name.
	List(ctx context.Context) ([]spec.Function, error)
	// Versions gives $LATEST and the published ones, oldest first.
	Versions(ctx context.Context, name string) ([]spec.Function, error)
	// Put makes or replaces $LATEST, durably, after validating it.
	Put(ctx context.Context, fn spec.Function) (spec.Function, error)
	// Publish freezes $LATEST as the next number; without a change since the last number it gives that one.
	Publish(ctx context.Context, name, description string) (spec.Function, error)
	// Delete removes one version, or the whole function with "".
	Delete(ctx context.Context, name, qualifier string) error
}

// Aliases is what the catalogue can do with aliases.
type Aliases interface {
	PutAlias(ctx context.Context, a spec.Alias) (spec.Alias, error)
	Alias(ctx context.Context, function, name string) (spec.Alias, error)
	ListAliases(ctx context.Context, function string) ([]spec.Alias, error)
	DeleteAlias(ctx context.Context, function, name string) error
}

// Instances shows what runs.
type Instances interface {
	Instances(ctx context.Context) ([]spec.InstanceStatus, error)
	Status(ctx context.Context, function string) (spec.FunctionStatus, error)
	// Logs writes what instances of a function have logged, oldest first, and goes on when follow is set until ctx ends. A
	// line is time, instance, request ("-": not known) and text, with tabs between them.
	Logs(ctx context.Context, function string, follow bool, w io.Writer) error
}

// Stopper is what Instances may be able to do besides: end one instance. One that answers drains first; NotFound for an
// unknown id.
type Stopper interface {
	StopInstance(ctx context.Context, id string) error
}

// Loader is what Instances may be able to do besides: start an instance of a version that none runs of, for events to come,
// without waiting for it.
type Loader interface {
	Load(ctx context.Context, function, qualifier string) error
}

// Reserver is what Functions may be able to do besides: bound the instances of every version of a function, durably, and
// give its $LATEST. 0 lets none run, nil goes back to what the versions say of themselves.
type Reserver interface {
	Reserve(ctx context.Context, name string, n *int) (spec.Function, error)
}

// AsyncSetter is what Functions may be able to do besides: give a published version or an alias asynchronous settings of its
// own, durably. Get gives them with a function that is asked for by that qualifier.
type AsyncSetter interface {
	SetAsync(ctx context.Context, name, qualifier string, as *spec.Async) error // nil takes them away
	Asyncs(ctx context.Context, name string) (map[string]spec.Async, error)     // by qualifier
}

// Provisioner is what Functions may be able to do besides: change minInstances of one version (a published number or
// "$LATEST") in place, durably. Everything else about a published version never changes.
type Provisioner interface {
	SetMinInstances(ctx context.Context, name, version string, n int) (spec.Function, error)
}
