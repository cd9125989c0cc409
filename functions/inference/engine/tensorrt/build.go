package tensorrt

/*
#include <stdlib.h>
#include "bind.h"
*/
import "C"

import (
	"context"
	"os"
	"runtime"
	"time"
	"unsafe"
)

// Recipe says how a plan is built.
type Recipe struct {
	Model      string    `json:"model"`                // path of the ONNX graph; its external data lie beside it
	Profiles   []Profile `json:"profiles,omitempty"`   // of shapes; none for a graph whose shapes are fixed
	Workspace  int64     `json:"workspace,omitempty"`  // bytes of scratch memory at the most; 0 is TensorRT's own limit
	Level      *int      `json:"level,omitempty"`      // of optimisation, 0 to 5; nil is TensorRT's own
	Capability int       `json:"capability,omitempty"` // TensorRT-RTX: 121 builds for sm_121; 0 for this machine's GPU
	Half       bool      `json:"half,omitempty"`       // TensorRT 8: layers may run in FP16
	Int8       bool      `json:"int8,omitempty"`       // TensorRT 8: Q/DQ nodes become INT8 layers
	// HalfFirst has TensorRT 8 try FP16 alone for convolutions and products that Half allows it for, and float32 where there is no
	// kernel: the trying of float32's kernels takes most of the time of building for large pictures.
	HalfFirst bool `json:"halfFirst,omitempty"`
	// Scales are those by which the inputs of products are quantized to INT8: each one's greatest magnitude / 127. TensorRT 8 takes
	// them of every quantized product, later ones of those whose weights are INT8 in the bundle.
	Scales map[string]float32 `json:"scales,omitempty"`
	// Slices is in how many parts of the queries TensorRT 8 computes attention; see form.EightOptions.
	Slices  int            `json:"slices,omitempty"`
	Strip   bool           `json:"strip,omitempty"`   // leave the weights out, to be refitted with the same ones
	Details bool           `json:"details,omitempty"` // let Inspect name every layer
	Limits  ResourceLimits `json:"limits"`
}

// ResourceLimits bound the process that builds; zero values are no limits.
type ResourceLimits struct {
	Time   time.Duration `json:"time,omitempty"`
	Memory int64         `json:"memory,omitempty"` // bytes of address space
}

// Profile gives the shapes of every input of dynamic shape, by its name.
type Profile map[string]Range

// Range is the least, usual and greatest shape of an input.
type Range struct {
	Least []int64 `json:"least"`
	Usual []int64 `json:"usual"`
	Most  []int64 `json:"most"`
}

// Progress is what a build tells: steps of the phase that it is in.
type Progress struct {
	Phase string `json:"phase"`
	Done  int    `json:"done"`
	Total int    `json:"total"`
}

// Build builds a plan in this process and writes it to out. TensorRT's builder may crash, hang or eat all memory:
// a server has Builder do it in a child. It blocks; the end of ctx is heard at TensorRT's next step.
//
// A timing that is not nil says what an earlier build tried, and gets what this one tried.
func (l *Library) Build(ctx context.Context, r Recipe, timing *Timing, out *os.File, tell func(Progress)) error {
	g, err := prepare(r, l.major())
	if err != nil {
		return err
	}
	defer g.close()
	spec := newSpec(r, g)
	defer spec.free()
	spec.timing(timing, &g.pins)
	monitor := C.bind_monitor_new(l.shim)
	defer C.bind_monitor_free(l.shim, monitor)
	stop := watch(ctx, l.shim, monitor, tell)
	l.mu.Lock()
	defer l.mu.Unlock()
	var w why
	text, size := w.at()
	status := C.bind_build(l.shim, l.lib, spec.c, monitor, C.int(out.Fd()), text, size)
	runtime.KeepAlive(out) // nobody else may hold it, and its finalizer would close the descriptor within the minutes of a build
	runtime.KeepAlive(timing)
	stop()
	if cause := context.Cause(ctx); status == C.VDX_TRT_CANCELLED && cause != nil {
		return cause
	}
	return w.err(status, "build a plan of "+r.Model)
}

// watch reads the monitor ten times a second until stop is called, and cancels the build when ctx ends.
func watch(ctx context.Context, shim *C.bind_shim, m *C.vdx_trt_monitor, tell func(Progress)) (stop func()) {
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var last Progress
		for {
			select {
			case <-ended:
				return
			case <-ctx.Done():
				C.bind_monitor_cancel(shim, m)
				<-ended
				return
			case <-tick.C:
				if p := read(shim, m); p != last && tell != nil {
					last = p
					tell(p)
				}
			}
		}
	}()
	return func() { close(ended); <-done }
}

func read(shim *C.bind_shim, m *C.vdx_trt_monitor) Progress {
	var done, total C.int32_t
	var phase [256]C.char
	C.bind_monitor_read(shim, m, &done, &total, &phase[0], C.size_t(len(phase)))
	return Progress{Phase: C.GoString(&phase[0]), Done: int(done), Total: int(total)}
}

// flags are the bits of vdx_trt.h.
func (r Recipe) flags() (f C.int32_t) {
	for bit, set := range map[C.int32_t]bool{C.VDX_TRT_FP16_ALLOWED: r.Half, C.VDX_TRT_INT8_ALLOWED: r.Int8, C.VDX_TRT_STRIP_WEIGHTS: r.Strip, C.VDX_TRT_DETAILS: r.Details,
		C.VDX_TRT_FP16_FIRST: r.HalfFirst} {
		if set {
			f |= bit
		}
	}
	return f
}

// spec is a Recipe in C's memory.
type spec struct {
	c     *C.vdx_trt_build_spec
	owned []unsafe.Pointer
}

func (s *spec) text(t string) *C.char {
	c := C.CString(t)
	s.owned = append(s.owned, unsafe.Pointer(c))
	return c
}

func (s *spec) array(n int, size uintptr) unsafe.Pointer {
	p := C.calloc(C.size_t(max(n, 1)), C.size_t(size))
	s.owned = append(s.owned, p)
	return p
}

func (s *spec) free() {
	for _, p := range s.owned {
		C.free(p)
	}
}

func newSpec(r Recipe, g *prepared) *spec {
	s := &spec{}
	s.c = (*C.vdx_trt_build_spec)(s.array(1, C.sizeof_vdx_trt_build_spec))
	level := -1
	if r.Level != nil {
		level = *r.Level
	}
	s.c.model_path, s.c.workspace_bytes, s.c.level = s.text(g.path), C.uint64_t(r.Workspace), C.int32_t(level)
	s.c.capability, s.c.flags = C.int32_t(r.Capability), r.flags()
	weights := unsafe.Slice((*C.vdx_trt_weight)(s.array(len(g.weights), C.sizeof_vdx_trt_weight)), max(len(g.weights), 1))
	for i, t := range g.weights {
		g.pins.Pin(unsafe.SliceData(t.Data))
		weights[i] = C.vdx_trt_weight{name: s.text(t.Name), data: unsafe.Pointer(unsafe.SliceData(t.Data)), bytes: C.uint64_t(len(t.Data))}
	}
	s.c.weights, s.c.weight_count = &weights[0], C.int32_t(len(g.weights))
	s.profiles(r.Profiles)
	return s
}

// timing gives the build what an earlier one tried.
func (s *spec) timing(t *Timing, pins *runtime.Pinner) {
	s.c.timing_fd = -1
	if t == nil {
		return
	}
	s.c.timing_fd = C.int32_t(t.Out.Fd())
	if len(t.Earlier) > 0 {
		pins.Pin(&t.Earlier[0])
		s.c.timing, s.c.timing_bytes = unsafe.Pointer(&t.Earlier[0]), C.uint64_t(len(t.Earlier))
	}
}

// profiles lays out every profile's ranges one after the other, in the order of the first profile's names.
func (s *spec) profiles(all []Profile) {
	if len(all) == 0 {
		return
	}
	names := sortedNames(all[0])
	ranges := unsafe.Slice((*C.vdx_trt_range)(s.array(len(all)*len(names), C.sizeof_vdx_trt_range)), max(len(all)*len(names), 1))
	for p, profile := range all {
		for i, name := range names {
			at := &ranges[p*len(names)+i]
			at.input, at.rank = s.text(name), C.int32_t(len(profile[name].Least))
			fill(&at.least, profile[name].Least)
			fill(&at.usual, profile[name].Usual)
			fill(&at.most, profile[name].Most)
		}
	}
	s.c.ranges, s.c.range_count, s.c.profile_count = &ranges[0], C.int32_t(len(names)), C.int32_t(len(all))
}

func fill(to *[C.VDX_TRT_MAX_RANK]C.int64_t, from []int64) {
	for i, d := range from {
		to[i] = C.int64_t(d)
	}
}
