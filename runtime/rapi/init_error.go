package rapi

import "github.com/videosdgx/videosdgx/runtime/rapi/http1"

// initError is POST /runtime/init/error: the function could not start.
func (s *Server) initError(w *http1.Reply, r *http1.Request) {
	body, err := readError(r)
	if err != nil {
		fail(w, 413, "RequestEntityTooLarge", "an error body may have 256 KiB")
		return
	}
	s.mu.Lock()
	late := s.ready
	s.mu.Unlock()
	if late {
		fail(w, 403, "InvalidStateTransition", "the function has been ready before")
		return
	}
	s.opt.OnInitError(body)
	ok(w)
}
