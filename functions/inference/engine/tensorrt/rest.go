package tensorrt

/*
#include "bind.h"
*/
import "C"

// rest has what the plan holds leave the device: its weights alone where TensorRT can, so that what it compiled stays, else the
// whole plan. The next run brings it back. Values stay.
func (s *session) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plan == nil || s.light {
		return
	}
	s.keepCompiled()
	if s.bare != nil { // its file has no weights that could come later
		s.unload()
		return
	}
	err := s.withFile(func(fd C.int, text *C.char, size C.size_t) C.vdx_trt_status {
		return C.bind_rest(s.lib.shim, s.plan, fd, text, size)
	})
	s.profile = 0
	if s.light = err == nil; !s.light {
		s.unload()
	}
}

// awake brings back what left the device. FailedPrecondition: another plan lies at its path by now.
func (s *session) awake() error {
	if s.light {
		s.light = false
		err := s.withFile(func(fd C.int, text *C.char, size C.size_t) C.vdx_trt_status {
			return C.bind_wake(s.lib.shim, s.plan, fd, text, size)
		})
		if err == nil {
			return nil
		}
		s.unload() // and from the beginning
	}
	if s.plan == nil {
		return s.load()
	}
	return nil
}
