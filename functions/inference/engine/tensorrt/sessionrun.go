package tensorrt

/*
#include <stdlib.h>
#include "bind.h"
*/
import "C"

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

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
	if s.kept == nil { // a process may be killed before it closes anything
		s.keepCompiled()
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
	profile, err := s.profileFor(fed)
	if err != nil {
		return nil, err
	}
	if profile != s.profile {
		if err := w.err(C.bind_profile(s.lib.shim, s.plan, C.int32_t(profile), text, size), "run "+s.path); err != nil {
			return nil, err
		}
		s.profile = profile
	}
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
