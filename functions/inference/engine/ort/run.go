package ort

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// run is one run of a session: what is bound, and what has to be let go of afterwards.
type run struct {
	*session
	b        *C.OrtIoBinding
	pins     runtime.Pinner
	borrowed []*C.OrtValue // around tensors
	feeds    []feed
	held     []*value // locked for reading
	resident []string
	spent    engine.Values
	into     map[string]*value // where outputs go that have a place already
	moves    bool              // an input lies elsewhere than on the device that runs
	graph    int               // the recording that it is part of, plain for none in a session that has some; else 0
}

// feed is an input on its way: until binds it.
type feed struct {
	name string
	v    *C.OrtValue
}

// bind says where every input lies and where every output goes. Its memory stays put until free.
func (s *session) bind(inputs, spent engine.Values, resident []string) (*run, error) {
	return s.bindTo(&run{session: s, resident: resident, spent: spent}, inputs)
}

func (s *session) bindTo(r *run, inputs engine.Values) (*run, error) {
	if err := r.bindAll(inputs); err != nil {
		r.free()
		return nil, err
	}
	return r, nil
}

func (r *run) bindAll(inputs engine.Values) error {
	if err := check(C.ort_binding(r.s, &r.b)); err != nil {
		return err
	}
	for _, want := range r.inputs {
		v, ok := inputs[want.Name]
		if !ok || v == nil {
			return fmt.Errorf("%s needs the input %s: %w", r.path, want.Name, errdefs.ErrInvalidArgument)
		}
		if err := r.bindInput(want.Name, v); err != nil {
			return fmt.Errorf("input %s of %s: %w", want.Name, r.path, err)
		}
	}
	if len(inputs) > len(r.inputs) {
		return fmt.Errorf("%s has %d inputs, %d were given: %w", r.path, len(r.inputs), len(inputs), errdefs.ErrInvalidArgument)
	}
	return r.bindOutputs()
}

func (r *run) bindInput(name string, v engine.Value) error {
	c, err := r.borrow(name, v)
	if err != nil {
		return err
	}
	r.feeds = append(r.feeds, feed{name, c})
	r.moves = r.moves || v.Device() != r.device
	return nil
}

func (r *run) borrow(name string, v engine.Value) (*C.OrtValue, error) {
	switch v := v.(type) {
	case engine.Tensor:
		c, err := r.engine.wrap(name, v, &r.pins)
		if err == nil {
			r.borrowed = append(r.borrowed, c)
		}
		return c, err
	case *value:
		if !slices.Contains(r.held, v) { // a second read lock would wait for a Close that waits for the first
			v.mu.RLock()
			r.held = append(r.held, v)
		}
		if v.v == nil {
			return nil, errClosed
		}
		return v.v, nil
	}
	return nil, fmt.Errorf("a value of another engine (%T): %w", v, errdefs.ErrInvalidArgument)
}

func (r *run) bindOutputs() error {
	for _, name := range r.resident {
		if !slices.ContainsFunc(r.outputs, func(f engine.Info) bool { return f.Name == name }) {
			return fmt.Errorf("%s has no output %s to keep: %w", r.path, name, errdefs.ErrInvalidArgument)
		}
	}
	for _, f := range r.outputs {
		v := r.reusable(f.Name)
		if own := r.into[f.Name]; own != nil {
			v = own.v
		}
		if v != nil {
			if err := check(C.ort_bind_output_value(r.b, r.names[f.Name], v)); err != nil {
				return fmt.Errorf("output %s of %s: %w", f.Name, r.path, err)
			}
			continue
		}
		m, err := r.engine.memory.get(r.place(f.Name))
		if err != nil {
			return err
		}
		if err := check(C.ort_bind_output(r.b, r.names[f.Name], m)); err != nil {
			return fmt.Errorf("output %s of %s: %w", f.Name, r.path, err)
		}
	}
	return nil
}

// reusable is the value whose memory an output that stays may take: a state that the caller has given up.
func (r *run) reusable(output string) *C.OrtValue {
	input, ok := r.over[output]
	if v, given := r.spent[input].(*value); ok && given && v.device == r.device && slices.Contains(r.resident, output) {
		return v.v // locked for reading since it was bound as an input
	}
	return nil
}

// place is where an output goes.
func (r *run) place(name string) engine.Device {
	if slices.Contains(r.resident, name) {
		return r.device
	}
	return engine.Device{}
}

func (r *run) free() {
	if r.b != nil {
		C.ort_binding_free(r.b)
	}
	for _, v := range r.borrowed {
		C.ort_value_free(v)
	}
	for _, v := range r.held {
		v.mu.RUnlock()
	}
	r.pins.Unpin()
}

// until runs, and terminates the run when ctx ends. The options live until the watcher is known to be done with them.
func (r *run) until(ctx context.Context) error {
	var opts *C.OrtRunOptions
	if err := check(C.ort_run_options(&opts)); err != nil {
		return fmt.Errorf("run options: %w", err)
	}
	defer C.ort_run_options_free(opts)
	if r.graph != 0 && !r.device.Host() {
		if err := runEntry(opts, "gpu_graph_id", strconv.Itoa(r.graph)); err != nil {
			return fmt.Errorf("run options: %w", err)
		}
	}
	if r.begins {
		if err := runEntry(opts, "memory.enable_memory_arena_shrinkage", fmt.Sprintf("gpu:%d", r.device.Index)); err != nil {
			return fmt.Errorf("run options: %w", err)
		}
	}
	watched := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(watched)
		_ = check(C.ort_terminate(opts)) // sets a flag
	})
	err := r.engine.turns.with(r.device, r.makes(), func() error {
		if err := r.feed(); err != nil {
			return err
		}
		return check(C.ort_run(r.s, opts, r.b))
	})
	if !stop() {
		<-watched
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", r.path, err)
	}
	return nil
}

// feed binds the inputs. The library queues the copy of one that lies elsewhere on a stream that it takes for the call alone, and lets the
// run take another: by the thread that calls, and by what else runs. On a GPU that others use too the run would overtake the copy, so
// what is copied is waited for.
func (r *run) feed() error {
	for _, f := range r.feeds {
		if err := check(C.ort_bind_input(r.b, r.names[f.name], f.v)); err != nil {
			return fmt.Errorf("input %s: %w", f.name, err)
		}
	}
	if !r.moves || r.device.Host() {
		return nil
	}
	return check(C.ort_settle(C.int(r.device.Index)))
}

// makes says whether the run makes a recording: its outputs have no place yet.
func (r *run) makes() bool { return r.graph > 0 && r.into == nil }

// runEntry sets an option of a run by its name.
func runEntry(o *C.OrtRunOptions, key, value string) error {
	k, v := C.CString(key), C.CString(value)
	defer C.free(unsafe.Pointer(k))
	defer C.free(unsafe.Pointer(v))
	return check(C.ort_run_config(o, k, v))
}

// take is what the run has made: copies in Go's memory, and what stays where it is.
func (r *run) take() (engine.Values, error) {
	made := make([]*C.OrtValue, len(r.outputs)+1) // one more, so that none has an address too
	if err := check(C.ort_outputs(r.b, &made[0], C.size_t(len(r.outputs)))); err != nil {
		return nil, fmt.Errorf("outputs of %s: %w", r.path, err)
	}
	out, errs := make(engine.Values, len(r.outputs)), []error(nil)
	for i, f := range r.outputs {
		v, err := r.output(f.Name, made[i])
		if err != nil {
			errs = append(errs, fmt.Errorf("output %s of %s: %w", f.Name, r.path, err))
			continue
		}
		out[f.Name] = v
	}
	if errs != nil {
		out.Close()
		return nil, errs[0]
	}
	return out, nil
}

// output owns v.
func (r *run) output(name string, v *C.OrtValue) (engine.Value, error) {
	if slices.Contains(r.resident, name) {
		return newValue(r.engine, v, r.device)
	}
	defer C.ort_value_free(v)
	dtype, dims, err := describe(v)
	if err != nil {
		return nil, err
	}
	return read(v, dtype, dims)
}
