package tensorrt

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// Planner finds the plan of a graph, or has one built.
type Planner interface {
	// Plan is the path of a plan for the graph at path on a GPU. NotFound: there is none, and none may be built now.
	Plan(ctx context.Context, path string, on Target) (string, error)
}

// Target is a GPU that plans are for. TensorRT-RTX's plans fit every one of a compute capability; TensorRT's are for the model
// that they were built on.
type Target struct {
	Capability int    `json:"capability"` // 121 for sm_121
	Name       string `json:"name,omitempty"`
	// Driver is the driver's version, where the plan was built by one: TensorRT chooses kernels by trying them. RTX does not.
	Driver string `json:"driver,omitempty"`
}

// Engine runs plans with one TensorRT.
type Engine struct {
	lib     *Library
	planner Planner

	mu       sync.Mutex
	devices  map[engine.Device]*device
	sessions []*session // that were opened and are not closed
}

var _ engine.Engine = (*Engine)(nil)

// New makes an engine. A nil planner opens plans alone, by their path (….plan).
func New(lib *Library, planner Planner) *Engine {
	return &Engine{lib: lib, planner: planner, devices: map[engine.Device]*device{}}
}

// Open loads a plan: the file at path, or the one that the planner has for the graph there. o.Memory bounds all that plans
// and values of this engine take on the device, and holds from the device's first use on.
func (e *Engine) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	if o.Change != nil {
		return nil, fmt.Errorf("a plan cannot be rewritten as it is opened: %w", errdefs.ErrNotImplemented)
	}
	d, err := e.device(o.Device, o.Memory)
	if err != nil {
		return nil, err
	}
	graph := ""
	if !strings.HasSuffix(path, ".plan") {
		graph = path
		if e.planner == nil {
			return nil, fmt.Errorf("%s is no plan, and this engine builds none: %w", path, errdefs.ErrNotFound)
		}
		if path, err = e.planner.Plan(ctx, path, d.target()); err != nil {
			return nil, err
		}
	}
	s, err := e.known(ctx, d, path, graph, o.Device)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sessions = append(slices.DeleteFunc(e.sessions, (*session).over), s)
	return s, nil
}

// known loads the plan at path as what is written down of it says; of a plan in a cache something is, or it is being built: without that
// nobody knows whether it has its weights. Where another process has built it again meanwhile, what was loaded
// may be either, and it is loaded once more.
func (e *Engine) known(ctx context.Context, d *device, path, graph string, at engine.Device) (*session, error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		f, err := Known(path)
		if _, told := os.Stat(path + factsEnding); err != nil && (told == nil || fromCache(path)) {
			return nil, fmt.Errorf("%w: `videosdgx models plan` builds it again", err)
		}
		if err == nil && f.Target.Capability != d.capability() {
			return nil, fmt.Errorf("plan %s is for sm_%d, and %s (%s) is sm_%d: build one for it with `videosdgx models plan`: %w",
				path, f.Target.Capability, d.text(), at, d.capability(), errdefs.ErrFailedPrecondition)
		}
		s, err := open(e.lib, d, path, graph, f)
		if err != nil {
			return nil, err
		}
		now, _ := facts(path) // none is another, too
		if now.Sum == f.Sum {
			return s, nil
		}
		_ = s.Close() // nothing has run with it
	}
}

// Rest has every plan leave the device while the process stays, with its libraries loaded and its context made: a cheaper kind
// of zero. Runs under way end first; a session's next run brings its plan back. Values stay where they are.
func (e *Engine) Rest() {
	e.mu.Lock()
	all := slices.Clone(e.sessions)
	e.mu.Unlock()
	for _, s := range all {
		s.rest()
	}
}

// Device is what plans for a device have to fit.
func (e *Engine) Device(at engine.Device) (Target, error) {
	d, err := e.device(at, 0)
	if err != nil {
		return Target{}, err
	}
	return d.target(), nil
}

func (d *device) target() Target {
	return Target{Capability: d.capability(), Name: d.name(), Driver: DriverVersion()}
}

// text is the device as its driver calls it.
func (d *device) text() string {
	if n := d.name(); n != "" {
		return n
	}
	return "the GPU"
}

// device opens a device once.
func (e *Engine) device(at engine.Device, limit int64) (*device, error) {
	if at.Host() {
		return nil, fmt.Errorf("TensorRT runs on a GPU, not on %s: %w", at, errdefs.ErrInvalidArgument)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if d := e.devices[at]; d != nil {
		return d, nil
	}
	d, err := openDevice(e.lib.shim, at, limit)
	if err != nil {
		return nil, err
	}
	e.devices[at] = d
	return d, nil
}

// Place copies a tensor to a device.
func (e *Engine) Place(ctx context.Context, t engine.Tensor, at engine.Device) (engine.Value, error) {
	if at.Host() {
		return t, nil
	}
	d, err := e.device(at, 0)
	if err != nil {
		return nil, err
	}
	m, err := d.place(t, "a value")
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Trim does nothing: TensorRT gives its scratch memory back with the session.
func (e *Engine) Trim() {}

// Version is such as "TensorRT-RTX 1.6.1".
func (e *Engine) Version() string { return e.lib.Name() }

// Free is what the driver says is free on a device, in bytes, whoever holds the rest.
func (e *Engine) Free(at engine.Device) (int64, error) {
	d, err := e.device(at, 0)
	if err != nil {
		return 0, err
	}
	return d.free(), nil
}

// Used is the device memory that plans and values of this engine hold, in bytes.
func (e *Engine) Used() (n int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range e.devices {
		n += d.used()
	}
	return n
}

// Close closes every device. Sessions and values must have been closed before.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for at, d := range e.devices {
		d.close()
		delete(e.devices, at)
	}
}
