package tensorrt

/*
#include <stdlib.h>
#include "bind.h"
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// session is a plan with one execution context. Runs take turns on the device's stream; Close waits for the one under way.
type session struct {
	lib   *Library
	d     *device
	path  string
	graph string      // that the plan is of, where it is known
	bare  *Recipe     // of a plan that was built without its weights; nil: it has them
	kept  []byte      // what was compiled of it, as it lies beside the plan
	sum   string      // the plan's checksum; empty where nothing is written down of it
	from  os.FileInfo // the file that it was loaded from
	// profiles are those that the plan was built with, as far as that is known; profile is the one that the next run takes.
	profiles []Profile
	profile  int
	inputs   []engine.Info
	outputs  []engine.Info

	mu     sync.Mutex
	plan   *C.vdx_trt_plan // nil while the whole plan is away, and when the session is closed
	light  bool            // the plan is there without its weights
	closed atomic.Bool
	names  map[string]*C.char // of the ports, in C's memory
}

// open loads the plan at path, of a graph that may be named; f is what is known of the plan.
func open(lib *Library, d *device, path, graph string, f Facts) (*session, error) {
	s := &session{lib: lib, d: d, path: path, graph: graph, profiles: f.Recipe.Profiles, sum: f.Sum, names: map[string]*C.char{}}
	if f.Recipe.Strip {
		s.bare = &f.Recipe
	}
	if err := s.load(); err != nil {
		_ = s.Close() // it may be there without its weights
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
	compiled := s.compiled()
	s.profile = 0 // a new context's
	var pins runtime.Pinner
	defer pins.Unpin()
	var at unsafe.Pointer
	if len(compiled) > 0 {
		at = unsafe.Pointer(&compiled[0])
		pins.Pin(&compiled[0])
	}
	err := s.withFile(func(fd C.int, text *C.char, size C.size_t) C.vdx_trt_status {
		return C.bind_load(s.lib.shim, s.lib.lib, s.d.handle, fd, at, C.uint64_t(len(compiled)), &s.plan, text, size)
	})
	if err == nil && s.bare != nil {
		err = s.refit()
	}
	return err
}

// withFile calls the library with the plan's file, which is the one that was opened at first.
func (s *session) withFile(f func(fd C.int, text *C.char, size C.size_t) C.vdx_trt_status) error {
	file, err := openRegular(s.path)
	if errdefs.IsDataLoss(err) {
		return fmt.Errorf("open plan: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	if err != nil {
		return fmt.Errorf("open plan: %w: %w", err, errdefs.ErrNotFound)
	}
	defer file.Close()
	if err := s.same(file); err != nil {
		return err
	}
	s.lib.mu.Lock()
	defer s.lib.mu.Unlock()
	var w why
	text, size := w.at()
	return w.err(f(C.int(file.Fd()), text, size), "load "+s.path)
}

func (s *session) over() bool { return s.closed.Load() }

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
	if !s.closed.Load() {
		s.keepCompiled()
	}
	s.unload()
	s.closed.Store(true)
	for name, c := range s.names {
		C.free(unsafe.Pointer(c))
		delete(s.names, name)
	}
	return nil
}

var _ engine.Session = (*session)(nil)
