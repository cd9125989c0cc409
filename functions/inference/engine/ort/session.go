package ort

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/upload"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// session shares mu between runs (readers) and Close (the writer).
type session struct {
	mu       sync.RWMutex
	s        *C.OrtSession
	weights  *weights
	engine   *Engine
	device   engine.Device
	path     string
	inputs   []engine.Info
	outputs  []engine.Info
	names    map[string]*C.char // of inputs and outputs, until Close
	over     map[string]string  // output → input whose memory it may be written to
	begins   bool               // what a run leaves free goes back to the device
	recorded *recordings        // nil: none are made
	joined   bool               // the engine's threads
}

var _ engine.Session = (*session)(nil)

// open takes names and operators from the file itself, which the check of the weights reads anyway. Before the library
// opens the model, adjust may change the settings.
func (e *Engine) open(ctx context.Context, path string, o engine.Options, adjust ...func(*settings)) (*session, error) {
	m, err := readModel(path)
	if err != nil {
		return nil, badModel(path, err)
	}
	var changed []byte
	if o.Change != nil {
		if changed, err = change(m, o.Change); err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
	}
	if o.Operators, err = operatorsOf(m, o); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	plan := e.planned(m, filepath.Dir(path), o)
	rest, err := beside(plan, o)
	if err != nil {
		return nil, misfit(path, o.Device, err)
	}
	opts, err := newSettings(rest)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer opts.free()
	for _, f := range adjust {
		f(opts)
	}
	if opts.err != nil {
		return nil, opts.err
	}
	s := newSession(e, path, o.Device, engine.Infos(m.Graph.Inputs), engine.Infos(m.Graph.Outputs))
	s.over, s.begins = overwritten(m), !o.Device.Host() && starts(m)
	if o.Record > 0 {
		if err := s.recordable(); err != nil {
			return nil, errors.Join(err, s.free())
		}
		s.recorded, s.begins = newRecordings(o.Record), false // the memory that recordings use must stay
	}
	if err := e.turns.with(o.Device, false, func() error { return s.loaded(ctx, plan, changed, opts) }); err != nil {
		return nil, errors.Join(s.refused(ctx, err), s.free())
	}
	if !o.Device.Host() {
		e.threads.join()
		s.joined = true
	}
	return s, nil
}

// change is the graph rewritten, as a file would hold it.
func change(m *onnx.Model, how func(*onnx.Model) error) ([]byte, error) {
	if err := how(m); err != nil {
		return nil, err
	}
	return m.Encode()
}

// loaded makes the session while its weights are on their way.
func (s *session) loaded(ctx context.Context, p upload.Plan, changed []byte, opts *settings) (err error) {
	if s.weights, err = s.engine.upload(ctx, p, s.device, opts); err != nil {
		return err
	}
	if err := s.load(s.path, changed, opts); err != nil {
		return err
	}
	return s.weights.wait()
}

// refused is why a session could not be opened.
func (s *session) refused(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	failed := (*cardError)(nil)
	switch {
	case cause != nil && errors.Is(err, cause):
		return cause
	case errdefs.IsResourceExhausted(err):
		return misfit(s.path, s.device, err)
	case errors.As(err, &failed):
		return fmt.Errorf("open %s: %w", s.path, err)
	}
	return badModel(s.path, err)
}

func misfit(path string, d engine.Device, err error) error {
	return fmt.Errorf("%s does not fit on %s: %w", path, d, err)
}

// load has the library open the file, or what was made of it.
func (s *session) load(path string, changed []byte, opts *settings) error {
	if changed == nil {
		return check(C.ort_session(opts.c(path), opts.o, &s.s))
	}
	opts.entry("session.model_external_initializers_file_folder_path", filepath.Dir(path))
	if opts.err != nil {
		return opts.err
	}
	return check(C.ort_session_from(unsafe.Pointer(&changed[0]), C.size_t(len(changed)), opts.o, &s.s))
}

func newSession(e *Engine, path string, d engine.Device, in, out []engine.Info) *session {
	s := &session{engine: e, device: d, path: path, inputs: in, outputs: out, names: map[string]*C.char{}}
	for _, infos := range [][]engine.Info{in, out} {
		for _, f := range infos {
			s.names[f.Name] = C.CString(f.Name)
		}
	}
	return s
}

func badModel(path string, err error) error {
	return fmt.Errorf("%s cannot be loaded (%w); build the bundle again with `videosdgx models build`: %w", path, err, errdefs.ErrInvalidArgument)
}

func (s *session) Inputs() []engine.Info  { return s.inputs }
func (s *session) Outputs() []engine.Info { return s.outputs }

// Close waits for runs under way.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recorded != nil {
		s.recorded.forget()
	}
	err := s.free()
	if s.joined {
		s.engine.threads.leave()
		s.joined = false
	}
	return err
}

// free gives the library's session back, and then the weights that it used.
func (s *session) free() (err error) {
	if s.s != nil || s.weights != nil {
		err = s.engine.turns.with(s.device, false, s.release)
	}
	for _, c := range s.names {
		C.free(unsafe.Pointer(c))
	}
	s.names = nil
	return err
}

func (s *session) release() error {
	if s.s != nil {
		C.ort_session_free(s.s)
		s.s = nil
	}
	if s.weights == nil {
		return nil
	}
	return s.weights.free()
}

// Run binds, watches ctx, and runs.
func (s *session) Run(ctx context.Context, inputs engine.Values, resident ...string) (engine.Values, error) {
	inputs, spent := inputs.Unspent()
	defer engine.Values(spent).Close()
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.s == nil {
		return nil, fmt.Errorf("session of %s is closed: %w", s.path, errdefs.ErrFailedPrecondition)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if s.recorded != nil {
		return s.replay(ctx, inputs, resident)
	}
	return s.single(ctx, inputs, spent, resident, 0)
}

// single is a run that binds its own inputs and outputs.
func (s *session) single(ctx context.Context, inputs, spent engine.Values, resident []string, graph int) (out engine.Values, err error) {
	s.on(func() { out, err = s.whole(ctx, inputs, spent, resident, graph) })
	return out, err
}

// on calls f on a thread that a device's runs keep to, all of a run: an input that is bound is on its way to the device when the call
// returns, and only what the same thread queues is sure to wait for it. Runs of a session that records have a thread of their own.
func (s *session) on(f func()) {
	if s.device.Host() || s.recorded != nil {
		f()
		return
	}
	s.engine.threads.do(f)
}

func (s *session) whole(ctx context.Context, inputs, spent engine.Values, resident []string, graph int) (engine.Values, error) {
	r, err := s.bind(inputs, spent, resident)
	if err != nil {
		return nil, err
	}
	defer r.free()
	r.graph = graph
	if err := r.until(ctx); err != nil {
		return nil, err
	}
	return r.take()
}
