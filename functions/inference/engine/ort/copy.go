package ort

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"sync"
	"unsafe"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// copies move tensors between the host and a device. The library copies what is bound to another place than where it is
// needed, so a graph that does nothing is a copy: one session for each device and element type, made when first needed.
type copies struct {
	mu sync.Mutex
	of map[copyKey]*session
}

type copyKey struct {
	device engine.Device
	dtype  onnx.DType
}

// Place copies t to the device d.
func (e *Engine) Place(ctx context.Context, t engine.Tensor, d engine.Device) (engine.Value, error) {
	if err := t.Check("to place"); err != nil {
		return nil, err
	}
	s, err := e.copies.session(e, copyKey{d, t.Type()})
	if err != nil {
		return nil, fmt.Errorf("copy to %s: %w", d, err)
	}
	out, err := s.Run(ctx, engine.Values{copyIn: t}, copyOut)
	if err != nil {
		return nil, fmt.Errorf("copy to %s: %w", d, err)
	}
	return out[copyOut], nil
}

// to copies v to the device d: into a value that is there, of the same type and shape, or into a new one.
func (c *copies) to(ctx context.Context, e *Engine, d engine.Device, v engine.Value, into *value) (x *value, err error) {
	s, err := c.session(e, copyKey{d, v.Type()})
	if err != nil {
		return nil, err
	}
	s.on(func() { x, err = s.copied(ctx, v, into) })
	return x, err
}

// copied is a run of a graph that copies.
func (s *session) copied(ctx context.Context, v engine.Value, into *value) (*value, error) {
	r := &run{session: s, resident: []string{copyOut}}
	if into != nil {
		r.into = map[string]*value{copyOut: into}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, err := s.bindTo(r, engine.Values{copyIn: v})
	if err != nil {
		return nil, err
	}
	defer r.free()
	if err := r.until(ctx); err != nil || into != nil {
		return into, err
	}
	out, err := r.take()
	if err != nil {
		return nil, err
	}
	return out[copyOut].(*value), nil
}

// fetch copies x to the host, straight into t, which has its type and shape. Copies end by themselves: no context stops them.
func (c *copies) fetch(e *Engine, x *value, t engine.Tensor) error {
	s, err := c.session(e, copyKey{x.device, x.dtype})
	if err == nil {
		s.on(func() { err = s.fetched(x, t) })
	}
	if err != nil {
		return fmt.Errorf("copy from %s: %w", x.device, err)
	}
	return nil
}

// fetched is a run of a graph that copies, from a device to a tensor.
func (s *session) fetched(x *value, t engine.Tensor) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := &run{session: s}
	place, err := s.engine.wrap(copyOut, t, &r.pins)
	if err != nil {
		r.free()
		return err
	}
	r.borrowed = append(r.borrowed, place)
	r.into = map[string]*value{copyOut: {v: place}}
	if r, err = s.bindTo(r, engine.Values{copyIn: x}); err != nil {
		return err
	}
	defer r.free()
	return r.until(context.Background())
}

const copyIn, copyOut = "x", "y"

func (c *copies) session(e *Engine, k copyKey) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.of[k]; s != nil {
		return s, nil
	}
	s, err := openCopy(e, k)
	if err != nil {
		return nil, err
	}
	if c.of == nil {
		c.of = map[copyKey]*session{}
	}
	c.of[k] = s
	return s, nil
}

func openCopy(e *Engine, k copyKey) (*session, error) {
	raw, err := copyGraph(k.dtype)
	if err != nil {
		return nil, err
	}
	o, err := newSettings(engine.Options{Device: k.device, Threads: 1})
	if err != nil {
		return nil, err
	}
	defer o.free()
	info := func(name string) []engine.Info { return []engine.Info{{Name: name, Type: k.dtype}} }
	s := newSession(e, "copy", k.device, info(copyIn), info(copyOut))
	if err := e.turns.with(k.device, false, func() error {
		return check(C.ort_session_from(unsafe.Pointer(&raw[0]), C.size_t(len(raw)), o.o, &s.s))
	}); err != nil {
		s.free()
		return nil, err
	}
	return s, nil
}

func copyGraph(t onnx.DType) ([]byte, error) {
	b := onnx.NewBuilder("copy")
	b.Output(copyOut, b.Input(copyIn, t), t)
	m, err := b.Model()
	if err != nil {
		return nil, err
	}
	for _, infos := range [][]onnx.ValueInfo{m.Graph.Inputs, m.Graph.Outputs} {
		infos[0].Unranked = true
	}
	return m.Encode()
}
