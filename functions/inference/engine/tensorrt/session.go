package tensorrt

/*
#include <stdlib.h>
#include "bind.h"
*/
import "C"

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// session is a plan with one execution context. Runs take turns on the device's stream; Close waits for the one under way.
type session struct {
	lib     *Library
	d       *device
	path    string
	inputs  []engine.Info
	outputs []engine.Info

	mu     sync.Mutex
	plan   *C.vdx_trt_plan // nil while the whole plan is away, and when the session is closed
	light  bool            // the plan is there without its weights
	closed atomic.Bool
	names  map[string]*C.char // of the ports, in C's memory
}

// open loads the plan at path.
func open(lib *Library, d *device, path string) (*session, error) {
	s := &session{lib: lib, d: d, path: path, names: map[string]*C.char{}}
	if err := s.load(); err != nil {
		return nil, err
	}
	if err := s.ports(); err != nil {
		_ = s.Close() // what it was opened for has failed
		return nil, err
	}
	return s, nil
}

// load brings the plan to the device: from its file, which may be mapped by others too.
func (s *session) load() error {
	return s.withFile(func(fd C.int, text *C.char, size C.size_t) C.vdx_trt_status {
		return C.bind_load(s.lib.shim, s.lib.lib, s.d.handle, fd, &s.plan, text, size)
	})
}

// withFile calls the library with the plan's file.
func (s *session) withFile(f func(fd C.int, text *C.char, size C.size_t) C.vdx_trt_status) error {
	file, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("open plan: %w: %w", err, errdefs.ErrNotFound)
	}
	defer file.Close()
	s.lib.mu.Lock()
	defer s.lib.mu.Unlock()
	var w why
	text, size := w.at()
	return w.err(f(C.int(file.Fd()), text, size), "load "+s.path)
}

func (s *session) over() bool { return s.closed.Load() }

// rest has what the plan holds leave the device: its weights alone where TensorRT can, so that what it compiled stays, else the
// whole plan. The next run brings it back. Values stay.
func (s *session) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plan == nil || s.light {
		return
	}
	err := s.withFile(func(fd C.int, text *C.char, size C.size_t) C.vdx_trt_status {
		return C.bind_rest(s.lib.shim, s.plan, fd, text, size)
	})
	if s.light = err == nil; !s.light {
		s.unload()
	}
}

// awake brings back what left the device.
func (s *session) awake() error {
	if s.light {
		s.light = false
		if err := s.withFile(func(fd C.int, text *C.char, size C.size_t) C.vdx_trt_status {
			return C.bind_wake(s.lib.shim, s.plan, fd, text, size)
		}); err == nil {
			return nil
		}
		s.unload() // and from the beginning
	}
	if s.plan == nil {
		return s.load()
	}
	return nil
}

func (s *session) unload() {
	if s.plan != nil {
		C.bind_unload(s.lib.shim, s.plan)
		s.plan, s.light = nil, false
	}
}

// ports reads what the plan takes and gives.
func (s *session) ports() error {
	for i := range int(C.bind_port_count(s.lib.shim, s.plan)) {
		var p C.vdx_trt_port
		var w why
		text, size := w.at()
		if err := w.err(C.bind_port_at(s.lib.shim, s.plan, C.int32_t(i), &p, text, size), "read "+s.path); err != nil {
			return err
		}
		info := engine.Info{Name: C.GoString(p.name), Shape: make([]int64, p.rank)}
		for j := range info.Shape {
			info.Shape[j] = int64(p.dims[j])
		}
		var err error
		if info.Type, err = dtype(info.Name, int(p._type)); err != nil {
			return err
		}
		s.names[info.Name] = C.CString(info.Name)
		if p.is_input != 0 {
			s.inputs = append(s.inputs, info)
		} else {
			s.outputs = append(s.outputs, info)
		}
	}
	return nil
}

func (s *session) Inputs() []engine.Info  { return s.inputs }
func (s *session) Outputs() []engine.Info { return s.outputs }

// Close gives back the plan's memory. It may be called twice.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unload()
	s.closed.Store(true)
	for name, c := range s.names {
		C.free(unsafe.Pointer(c))
		delete(s.names, name)
	}
	return nil
}

// Run queues one run and waits for what it is to give to the host. TensorRT cannot end a run that has begun: a context that
// ends in its midst is told when it is over.
func (s *session) Run(ctx context.Context, in engine.Values, resident ...string) (engine.Values, error) {
	in, spent := in.Unspent()
	defer engine.Values(spent).Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil, fmt.Errorf("session of %s is closed: %w", s.path, errdefs.ErrFailedPrecondition)
	}
	if err := s.check(in, resident); err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if err := s.awake(); err != nil {
		return nil, err
	}
	fed, release, err := s.feed(in)
	defer release()
	if err != nil {
		return nil, err
	}
	out, err := s.run(fed)
	if err != nil {
		return nil, err
	}
	return s.collect(ctx, out, resident)
}

func (s *session) check(in engine.Values, resident []string) error {
	for name, v := range in {
		at := slices.IndexFunc(s.inputs, func(i engine.Info) bool { return i.Name == name })
		if at < 0 {
			return fmt.Errorf("%s has no input %s: %w", s.path, name, errdefs.ErrInvalidArgument)
		}
		if want := s.inputs[at].Type; v.Type() != want && !(want == onnx.Int32 && v.Type() == onnx.Int64) {
			return fmt.Errorf("input %s of %s has the element type %v, the plan takes %v: %w", name, s.path, v.Type(), want, errdefs.ErrInvalidArgument)
		}
	}
	for _, i := range s.inputs {
		if in[i.Name] == nil {
			return fmt.Errorf("%s needs the input %s: %w", s.path, i.Name, errdefs.ErrInvalidArgument)
		}
	}
	for _, name := range resident {
		if !slices.ContainsFunc(s.outputs, func(o engine.Info) bool { return o.Name == name }) {
			return fmt.Errorf("%s has no output %s: %w", s.path, name, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}

// feed brings every input to the device. What it had to copy is freed by release, after the run.
func (s *session) feed(in engine.Values) (fed map[string]*memory, release func(), err error) {
	fed = map[string]*memory{}
	var undo []func()
	release = func() {
		for _, f := range undo {
			f()
		}
	}
	for name, v := range in {
		if m, ok := v.(*memory); ok && m.d == s.d {
			m.mu.RLock()
			undo = append(undo, m.mu.RUnlock)
			if m.p == nil {
				return nil, release, fmt.Errorf("input %s is a closed value: %w", name, errdefs.ErrFailedPrecondition)
			}
			fed[name] = m
			continue
		}
		t, err := s.host(v, name)
		if err != nil {
			return nil, release, err
		}
		m, err := s.d.place(t, name)
		if err != nil {
			return nil, release, err
		}
		undo = append(undo, func() { _ = m.Close() })
		fed[name] = m
	}
	return fed, release, nil
}

// host is a value's content in the type that the plan takes: TensorRT 8 has no int64.
func (s *session) host(v engine.Value, name string) (engine.Tensor, error) {
	t, err := v.Host()
	wide, ok := t.Data.([]int64)
	if err != nil || !ok || !slices.ContainsFunc(s.inputs, func(i engine.Info) bool { return i.Name == name && i.Type == onnx.Int32 }) {
		return t, err
	}
	narrow := make([]int32, len(wide))
	for i, x := range wide {
		if int64(int32(x)) != x {
			return t, fmt.Errorf("input %s of %s holds %d, which the plan's 32 bits do not: %w", name, s.path, x, errdefs.ErrInvalidArgument)
		}
		narrow[i] = int32(x)
	}
	return engine.Tensor{Shape: t.Shape, Data: narrow}, nil
}

// run sets shapes and addresses and queues the run; it waits, so that whatever fed it may go.
func (s *session) run(fed map[string]*memory) (map[string]*memory, error) {
	s.lib.mu.Lock()
	defer s.lib.mu.Unlock()
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	var w why
	text, size := w.at()
	for name, m := range fed {
		var dims [maxRank]C.int64_t
		for i, d := range m.dims[:min(len(m.dims), maxRank)] {
			dims[i] = C.int64_t(d)
		}
		if err := w.err(C.bind_shape(s.lib.shim, s.plan, s.names[name], C.int32_t(len(m.dims)), &dims[0], text, size), "run "+s.path); err != nil {
			return nil, err
		}
		if err := w.err(C.bind_address(s.lib.shim, s.plan, s.names[name], m.p, text, size), "run "+s.path); err != nil {
			return nil, err
		}
	}
	out, err := s.room()
	if err != nil {
		return nil, err
	}
	err = w.err(C.bind_run(s.lib.shim, s.plan, text, size), "run "+s.path)
	if err == nil {
		err = w.err(C.bind_device_wait(s.lib.shim, s.d.handle, text, size), "run "+s.path)
	}
	if err != nil {
		closeAll(out)
		return nil, err
	}
	return out, nil
}

// room makes memory for every output.
func (s *session) room() (out map[string]*memory, err error) {
	out = map[string]*memory{}
	defer func() {
		if err != nil {
			closeAll(out)
		}
	}()
	for _, o := range s.outputs {
		var rank C.int32_t
		var dims [maxRank]C.int64_t
		var w why
		text, size := w.at()
		if err := w.err(C.bind_result(s.lib.shim, s.plan, s.names[o.Name], &rank, &dims[0], text, size), "run "+s.path); err != nil {
			return out, err
		}
		shape := make([]int64, rank)
		for i := range shape {
			shape[i] = int64(dims[i])
		}
		m, err := s.d.alloc(o.Type, shape, int(o.Type.Size(engine.Elements(shape))))
		if err != nil {
			return out, err
		}
		out[o.Name] = m
		if err := w.err(C.bind_address(s.lib.shim, s.plan, s.names[o.Name], m.p, text, size), "run "+s.path); err != nil {
			return out, err
		}
	}
	return out, nil
}

// collect brings to the host what is not to stay.
func (s *session) collect(ctx context.Context, made map[string]*memory, resident []string) (engine.Values, error) {
	out := engine.Values{}
	err := context.Cause(ctx)
	for name, m := range made {
		if slices.Contains(resident, name) {
			out[name] = m
			continue
		}
		if err == nil {
			var t engine.Tensor
			t, err = m.Host()
			out[name] = t
		}
		_ = m.Close()
	}
	if err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

func closeAll(all map[string]*memory) {
	for _, m := range all {
		_ = m.Close()
	}
}

var _ engine.Session = (*session)(nil)
