// Package engine is what a pipeline sees of whatever runs its graphs: an Engine opens model files as Sessions, a
// Session takes and gives Tensors. No C type appears here; the packages below are the only ones that know cgo.
package engine

import "context"

// Engine opens model files.
type Engine interface {
	// Open loads the model at path. Errors are errdefs classes: NotFound, InvalidArgument for a file that is no model.
	Open(ctx context.Context, path string, o Options) (Session, error)
	// Trim gives memory that no session needs right now back to the operating system. Call it when a request is done.
	Trim()
	// Version names the library and its version.
	Version() string
}

// Session is one loaded model. All methods may be called from several goroutines; Run waits for nothing but the library.
type Session interface {
	// Run feeds every input and returns every output, by name. When ctx ends, the run is terminated between two nodes of
	// the graph and the context's cause is returned. The tensors given are read until Run returns and never kept.
	Run(ctx context.Context, inputs map[string]Tensor) (map[string]Tensor, error)
	// Inputs describes what Run takes, Outputs what it gives, in the order of the graph.
	Inputs() []Info
	Outputs() []Info
	// Close waits for runs under way, and may be called twice. A Run after Close is FailedPrecondition.
	Close() error
}

// Options say how a session runs; the zero value is right for a bundle that was optimised when it was built.
type Options struct {
	// Threads is the number of threads inside one operator; 0 means two.
	Threads int
	// Optimise has the library rewrite the graph at load. Bundles do without: it was done when they were built.
	Optimise bool
	// Profile, when set, is the prefix of a file with the time of every node, written at Close.
	Profile string
}

// Info describes an input or an output. A dimension that a run decides is −1.
type Info struct {
	Name  string
	Shape []int64
}
