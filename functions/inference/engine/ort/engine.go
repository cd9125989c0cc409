package ort

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"

	"github.com/containerd/errdefs"
	onnxruntime "github.com/yalue/onnxruntime_go"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Engine is the loaded library. There is one per process: the library keeps process-wide state.
type Engine struct{ version string }

var _ engine.Engine = (*Engine)(nil)

var load struct {
	sync.Mutex
	engine *Engine
}

// Load finds the library and initialises it once; later calls return the same engine.
func Load() (*Engine, error) {
	load.Lock()
	defer load.Unlock()
	if load.engine != nil {
		return load.engine, nil
	}
	path, err := FindLibrary()
	if err != nil {
		return nil, err
	}
	onnxruntime.SetSharedLibraryPath(path)
	if err := onnxruntime.InitializeEnvironment(onnxruntime.WithLogLevelError()); err != nil {
		return nil, fmt.Errorf("%s cannot be used (%w); run `make setup` for the version this build needs: %w", path, err, errdefs.ErrFailedPrecondition)
	}
	load.engine = &Engine{version: onnxruntime.GetVersion()}
	return load.engine, nil
}

// Version names the library.
func (e *Engine) Version() string { return "ONNX Runtime " + e.version }

// Trim returns both heaps, Go's and malloc's, to the operating system.
func (e *Engine) Trim() {
	debug.FreeOSMemory()
	trimHeap()
}

// Open loads a model; weights beside it are mapped.
func (e *Engine) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("model file %s is missing; build the bundle again with `videosdgx models build`: %w", path, errdefs.ErrNotFound)
	}
	opts, err := sessionOptions(o)
	if err != nil {
		return nil, fmt.Errorf("session options: %w", err)
	}
	defer opts.Destroy()
	return open(path, opts)
}

// Optimise rewrites the model at from into to with the optimisations that are right on every machine of this kind: no
// memory layouts of one CPU, fusions into the library's own operators.
func (e *Engine) Optimise(ctx context.Context, from, to string) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	opts, err := sessionOptions(engine.Options{Optimise: true})
	if err != nil {
		return fmt.Errorf("session options: %w", err)
	}
	defer opts.Destroy()
	if err := opts.SetOptimizedModelFilePath(to); err != nil {
		return fmt.Errorf("optimised model path: %w", err)
	}
	fused := to + ".fused"
	if err := rewrite(from, fused, fuseAttention); err != nil {
		return fmt.Errorf("optimise: %w", err)
	}
	defer os.Remove(fused)
	s, err := open(fused, opts)
	if err != nil {
		return fmt.Errorf("optimise: %w", err)
	}
	return s.Close()
}

// rewrite applies change to the model file at from and stores the result at to.
func rewrite(from, to string, change func(*onnx.Model)) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	m, err := onnx.Decode(raw)
	if err != nil {
		return err
	}
	change(m)
	if raw, err = m.Encode(); err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o600)
}

func sessionOptions(o engine.Options) (*onnxruntime.SessionOptions, error) {
	opts, err := onnxruntime.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	if err := configure(opts, o); err != nil {
		return nil, errors.Join(err, opts.Destroy())
	}
	return opts, nil
}

func configure(opts *onnxruntime.SessionOptions, o engine.Options) error {
	level := onnxruntime.GraphOptimizationLevel(onnxruntime.GraphOptimizationLevelDisableAll)
	if o.Optimise {
		level = onnxruntime.GraphOptimizationLevelEnableExtended
	}
	threads := o.Threads
	if threads == 0 {
		threads = 2
	}
	errs := []error{
		opts.SetGraphOptimizationLevel(level),
		opts.SetIntraOpNumThreads(threads),
		opts.SetInterOpNumThreads(1),
		opts.SetCpuMemArena(false),
		opts.SetMemPattern(false),
		opts.AddSessionConfigEntry("session.disable_prepacking", "1"),
		opts.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"), // waiting threads would take the cores from other instances
	}
	if o.Profile != "" {
		errs = append(errs, opts.EnableProfiling(o.Profile))
	}
	return errors.Join(errs...)
}
