package ort

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/upload"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// weights are what a session on a device other than the CPU reads of its files: in a block that this package takes, where the library
// uses them. It would read them weight by weight, and wait for each copy before it reads on. Those that the library plans elsewhere, such as
// for an operator that the CPU runs, it reads by itself all the same.
type weights struct {
	block  block
	values []*C.OrtValue // of the library's, until free
	stop   context.CancelCauseFunc
	ended  chan error
}

// planned are the weights of a graph that go to a block on the device. Where the library rewrites the graph, it needs them itself.
func (e *Engine) planned(m *onnx.Model, dir string, o engine.Options) upload.Plan {
	if o.Optimise || e.blocks[o.Device.Kind] == nil {
		return upload.Plan{}
	}
	return upload.Of(m, dir)
}

// beside is o for what the session takes on the device beside its weights.
func beside(p upload.Plan, o engine.Options) (engine.Options, error) {
	if o.Memory > 0 && p.Bytes > 0 {
		if p.Bytes >= o.Memory {
			return o, fmt.Errorf("memory is out, %d MiB asked for, %d MiB left: %w", mebibytes(p.Bytes), o.Memory>>20, errdefs.ErrResourceExhausted)
		}
		o.Memory -= p.Bytes
	}
	return o, nil
}

// upload takes the block, tells the library where each weight will lie, and begins to bring them there. The caller waits, and frees.
func (e *Engine) upload(ctx context.Context, p upload.Plan, d engine.Device, opts *settings) (w *weights, err error) {
	w = &weights{stop: func(error) {}}
	if p.Bytes == 0 {
		return w, nil
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.free())
		}
	}()
	if w.block, err = e.blocks[d.Kind](d, p.Bytes); err != nil {
		return w, err
	}
	for _, place := range p.Places {
		if err := w.name(e, d, place, opts); err != nil {
			return w, err
		}
	}
	ctx, w.stop = context.WithCancelCause(ctx)
	w.ended = make(chan error, 1)
	go func() { w.ended <- e.uploads.one(ctx, p, w.block) }()
	return w, nil
}

// name tells the library where a weight lies.
func (w *weights) name(e *Engine, d engine.Device, p upload.Place, opts *settings) error {
	info, err := e.memory.get(d)
	if err != nil {
		return err
	}
	dims := make([]C.int64_t, len(p.Dims)+1) // one more, so that a scalar has an address too
	for i, d := range p.Dims {
		dims[i] = C.int64_t(d)
	}
	var v *C.OrtValue
	if err := check(C.ort_tensor(info, w.block.at(p.At), C.size_t(p.Bytes), &dims[0], C.size_t(len(p.Dims)), C.int(p.Type), &v)); err != nil {
		return err
	}
	w.values = append(w.values, v)
	opts.do(func() *C.OrtStatus { return C.ort_initializer(opts.o, opts.c(p.Name), v) })
	return opts.err
}

// wait returns when the weights are there, or why they are not.
func (w *weights) wait() error {
	if w.ended == nil {
		return nil
	}
	err := <-w.ended
	w.ended = nil
	w.stop(nil)
	return err
}

var errGivenUp = errors.New("the session is not opened after all")

// free gives back what there is: of an upload that is under way too, and twice.
func (w *weights) free() (err error) {
	w.stop(errGivenUp)
	_ = w.wait() // whoever gives up knows why
	for _, v := range w.values {
		C.ort_value_free(v)
	}
	w.values = nil
	if w.block != nil {
		err = w.block.free()
		w.block = nil
	}
	return err
}
