// Package engine is what a pipeline sees of whatever runs its graphs: an Engine opens model files as Sessions on a Device, a
// Session takes and gives Values. A Value is a Tensor in host memory, or one that stays where a run has made it. No C type
// appears here; the drivers below are the only packages that know cgo.
package engine

import (
	"context"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Engine opens model files. All methods may be called from several goroutines.
type Engine interface {
	// Open loads the model at path. Errors are errdefs classes: NotFound, InvalidArgument for a file that is no model,
	// FailedPrecondition for a device that is not there, ResourceExhausted for one that is full.
	Open(ctx context.Context, path string, o Options) (Session, error)
	// Place copies a tensor to a device, to feed many runs. The caller closes the value.
	Place(ctx context.Context, t Tensor, d Device) (Value, error)
	// Trim gives memory that no session needs right now back to the operating system. Call it when a request is done.
	Trim()
	// Version names the library and its version.
	Version() string
}

// Session is one loaded model. All methods may be called from several goroutines; Run waits for nothing but the library.
type Session interface {
	// Run feeds every input and returns every output, by name. Outputs are Tensors, but for those named in resident: they
	// stay on the session's device, in memory of the engine's, until they are closed. An input may be any value that this
	// engine made, wherever it lies, or a Tensor; it is read until Run returns and never kept or changed,
	// but for what is Spent. When ctx ends, the
	// run is terminated between two nodes of the graph and the context's cause is returned.
	Run(ctx context.Context, inputs Values, resident ...string) (Values, error)
	// Inputs describes what Run takes, Outputs what it gives, in the order of the graph.
	Inputs() []Info
	Outputs() []Info
	// Close waits for runs under way, and may be called twice. Values that runs have made outlive it. A Run after Close is
	// FailedPrecondition.
	Close() error
}

// Width is how many runs of a session go on side by side without one waiting for another: more than one where it is spread over
// several devices. More runs than that only take more memory.
func Width(s Session) int {
	if w, ok := s.(interface{ Width() int }); ok {
		return w.Width()
	}
	return 1
}

// Options say how a session runs; the zero value is right for a bundle on the CPU that was optimised when it was built.
type Options struct {
	// Device is where the graph runs; the zero value is the CPU.
	Device Device
	// Memory is the most that the session's arena may take on a device other than the CPU, in bytes; 0 means all of it. On
	// the CPU every session shares one heap, which the instance's control group limits.
	Memory int64
	// Operators are paths of custom-operator libraries that the graph needs beside those that the engine brings.
	Operators []string
	// Threads is the number of threads inside one operator; 0 means two.
	Threads int
	// Optimise has the library rewrite the graph at load. Bundles do without: it was done when they were built.
	Optimise bool
	// Coarse lets products of float32 have ten bits of precision, TF32's, where a device multiplies those faster. It is for graphs whose
	// result is looked at, such as a video's autoencoder.
	Coarse bool
	// Record is for how many different shapes of its inputs a session records a run and replays it: on a GPU as a CUDA graph, whose
	// launches are queued at once. 0 is none. It pays where the same shapes come again and a run's nodes are short; each recording
	// owns a copy of the inputs and outputs, and runs of the session take turns. A graph that writes over states cannot be recorded.
	Record int
	// Change rewrites the graph as it is read, before it is opened; weights stay in the files that they are in.
	Change func(m *onnx.Model) error
	// Profile, when set, is the prefix of a file with the time of every node, written at Close.
	Profile string
}

// Info describes an input or an output. A dimension that a run decides is −1.
type Info struct {
	Name  string
	Type  onnx.DType
	Shape []int64
}

// Infos are the inputs or outputs that a graph declares.
func Infos(from []onnx.ValueInfo) []Info {
	to := make([]Info, len(from))
	for i, f := range from {
		to[i] = Info{Name: f.Name, Type: f.Type, Shape: make([]int64, len(f.Dims))}
		for j, d := range f.Dims {
			to[i].Shape[j] = d.Size
			if d.Name != "" {
				to[i].Shape[j] = -1
			}
		}
	}
	return to
}
