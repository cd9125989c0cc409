package ort

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/containerd/errdefs"
	onnxruntime "github.com/yalue/onnxruntime_go"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// session shares mu between runs (readers) and Close (the writer).
type session struct {
	mu      sync.RWMutex
	s       *onnxruntime.DynamicAdvancedSession
	path    string
	inputs  []engine.Info
	outputs []engine.Info
}

// open reads the names from the file itself: asking the binding would load the model a second time.
func open(path string, opts *onnxruntime.SessionOptions) (*session, error) {
	in, out, err := signature(path)
	if err != nil {
		return nil, badModel(path, err)
	}
	s := &session{path: path, inputs: in, outputs: out}
	s.s, err = onnxruntime.NewDynamicAdvancedSession(path, names(s.inputs), names(s.outputs), opts)
	if err != nil {
		return nil, badModel(path, err)
	}
	return s, nil
}

func badModel(path string, err error) error {
	return fmt.Errorf("%s cannot be loaded (%w); build the bundle again with `videosdgx models build`: %w", path, err, errdefs.ErrInvalidArgument)
}

func names(infos []engine.Info) []string {
	out := make([]string, len(infos))
	for i, f := range infos {
		out[i] = f.Name
	}
	return out
}

func (s *session) Inputs() []engine.Info  { return s.inputs }
func (s *session) Outputs() []engine.Info { return s.outputs }

// Close waits for runs under way.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.s == nil {
		return nil
	}
	err := s.s.Destroy()
	s.s = nil
	return err
}

// Run pins the inputs, watches ctx, and runs.
func (s *session) Run(ctx context.Context, inputs map[string]engine.Tensor) (map[string]engine.Tensor, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.s == nil {
		return nil, fmt.Errorf("session of %s is closed: %w", s.path, errdefs.ErrFailedPrecondition)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	values, err := s.values(inputs, &pins)
	defer destroyAll(values)
	if err != nil {
		return nil, err
	}
	results := make([]onnxruntime.Value, len(s.outputs))
	defer func() { destroyAll(results) }()
	if err := s.runUntil(ctx, values, results); err != nil {
		return nil, err
	}
	return s.tensors(results)
}

func (s *session) values(inputs map[string]engine.Tensor, pins *runtime.Pinner) ([]onnxruntime.Value, error) {
	values := make([]onnxruntime.Value, 0, len(s.inputs))
	for _, want := range s.inputs {
		t, ok := inputs[want.Name]
		if !ok {
			return values, fmt.Errorf("%s needs the input %s: %w", s.path, want.Name, errdefs.ErrInvalidArgument)
		}
		v, err := toValue(want.Name, t, pins)
		if err != nil {
			return values, err
		}
		values = append(values, v)
	}
	if len(inputs) > len(s.inputs) {
		return values, fmt.Errorf("%s has %d inputs, %d were given: %w", s.path, len(s.inputs), len(inputs), errdefs.ErrInvalidArgument)
	}
	return values, nil
}

// runUntil terminates the run when ctx ends. The options live until the watcher is known to be done with them.
func (s *session) runUntil(ctx context.Context, inputs, outputs []onnxruntime.Value) error {
	opts, err := onnxruntime.NewRunOptions()
	if err != nil {
		return fmt.Errorf("run options: %w", err)
	}
	defer opts.Destroy()
	watched := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(watched)
		_ = opts.Terminate() // fails only on options that were destroyed, which the wait below excludes
	})
	err = s.s.RunWithOptions(inputs, outputs, opts)
	if !stop() {
		<-watched
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", s.path, err)
	}
	return nil
}

func (s *session) tensors(results []onnxruntime.Value) (map[string]engine.Tensor, error) {
	out := make(map[string]engine.Tensor, len(results))
	for i, v := range results {
		t, err := fromValue(v)
		if err != nil {
			return nil, fmt.Errorf("output %s of %s: %w", s.outputs[i].Name, s.path, err)
		}
		out[s.outputs[i].Name] = t
	}
	return out, nil
}
