package ort

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// Levels of the library's optimiser, by its own numbers.
const (
	levelNone     = 0
	levelExtended = 2
)

// settings are session options under construction: the first error stays, the calls after it do nothing.
type settings struct {
	o       *C.OrtSessionOptions
	strings []*C.char
	err     error
}

func newSettings(o engine.Options) (*settings, error) {
	if err := begin(); err != nil {
		return nil, err
	}
	s := &settings{}
	if err := check(C.ort_options(&s.o)); err != nil {
		return nil, err
	}
	s.common(o)
	if !o.Device.Host() {
		s.device(o)
	}
	for _, path := range o.Operators {
		s.operators(path)
	}
	if s.err != nil {
		err := s.err
		s.free()
		return nil, err
	}
	return s, nil
}

func (s *settings) free() {
	C.ort_options_free(s.o)
	for _, c := range s.strings {
		C.free(unsafe.Pointer(c))
	}
}

// c is a C string that lives as long as the settings.
func (s *settings) c(text string) *C.char {
	c := C.CString(text)
	s.strings = append(s.strings, c)
	return c
}

func (s *settings) do(set func() *C.OrtStatus) {
	if s.err == nil {
		s.err = check(set())
	}
}

func (s *settings) entry(key, value string) {
	s.do(func() *C.OrtStatus { return C.ort_config(s.o, s.c(key), s.c(value)) })
}

func (s *settings) common(o engine.Options) {
	level, threads := levelNone, o.Threads
	if o.Optimise {
		level = levelExtended
	}
	if threads == 0 {
		threads = 2
	}
	s.do(func() *C.OrtStatus { return C.ort_level(s.o, C.int(level)) })
	s.do(func() *C.OrtStatus { return C.ort_threads(s.o, C.int(threads)) })
	s.do(func() *C.OrtStatus { return C.ort_inter_threads(s.o, 1) })
	s.do(func() *C.OrtStatus { return C.ort_no_arena(s.o) })
	s.do(func() *C.OrtStatus { return C.ort_no_pattern(s.o) })
	s.entry("session.use_env_allocators", "1") // the pool
	s.entry("session.disable_prepacking", "1")
	s.entry("session.intra_op.allow_spinning", "0") // waiting threads would take the cores from other instances
	if o.Profile != "" {
		s.do(func() *C.OrtStatus { return C.ort_profile(s.o, s.c(o.Profile)) })
	}
}

// device has a provider other than the CPU's run what it can; the CPU keeps the arithmetic of shapes.
func (s *settings) device(o engine.Options) {
	if o.Device.Kind != engine.CUDA {
		s.err = fmt.Errorf("ONNX Runtime has no provider for the device %s: %w", o.Device, errdefs.ErrNotImplemented)
		return
	}
	s.entry("session.use_device_allocator_for_initializers", "1") // weights outside the arena, which grows by halves
	keys, values := s.pairs(cudaOptions(o))
	s.do(func() *C.OrtStatus { return C.ort_cuda(s.o, &keys[0], &values[0], C.size_t(len(keys))) })
	if s.err != nil {
		s.err = fmt.Errorf("%s cannot be used (%w); `videosdgx doctor` says what is missing: %w", o.Device, s.err, errdefs.ErrFailedPrecondition)
	}
}

// cudaOptions are pairs of key and value.
func cudaOptions(o engine.Options) []string {
	pairs := []string{
		"device_id", strconv.Itoa(o.Device.Index),
		"arena_extend_strategy", "kSameAsRequested", // video's buffers are large: doubling the arena wastes gigabytes
		"cudnn_conv_algo_search", "HEURISTIC", // the exhaustive search takes minutes for a VAE
		"cudnn_conv_use_max_workspace", "1",
		"use_tf32", map[bool]string{false: "0", true: "1"}[o.Coarse], // float32 is asked for where its precision is needed
	}
	if o.Record > 0 {
		pairs = append(pairs, "enable_cuda_graph", "1")
	}
	if o.Memory > 0 {
		pairs = append(pairs, "gpu_mem_limit", strconv.FormatInt(o.Memory, 10))
	}
	return pairs
}

// pairs are C arrays of the keys and the values, whose strings live as long as the settings. Go may hand them to C for one
// call: they hold C pointers only.
func (s *settings) pairs(all []string) (keys, values []*C.char) {
	for i := 0; i < len(all); i += 2 {
		keys, values = append(keys, s.c(all[i])), append(values, s.c(all[i+1]))
	}
	return keys, values
}

func (s *settings) operators(path string) {
	if s.err != nil {
		return
	}
	if _, err := os.Stat(path); err != nil {
		s.err = fmt.Errorf("operator library: %w; `make build` makes it: %w", err, errdefs.ErrNotFound)
		return
	}
	s.do(func() *C.OrtStatus { return C.ort_operators(s.o, s.c(path)) })
}
