package rapi

import (
	"slices"

	"github.com/videosdgx/videosdgx/runtime/rapi/http1"
)

// restoreNext is GET /runtime/restore/next: a runtime with restore hooks waits here, instead of at /next, for its snapshot
// to be taken and restored.
func (s *Server) restoreNext(w *http1.Reply, _ *http1.Request) {
	w.OnGone(func() { s.unrestore(w) })
	s.mu.Lock()
	first := !s.ready
	s.ready = true
	s.restores = append(s.restores, w)
	if s.restored || len(s.queue) > 0 {
		s.releaseRestore()
	}
	s.mu.Unlock()
	if first {
		s.begin(Ready{Restores: true})
		s.match()
	}
}

func (s *Server) unrestore(w *http1.Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restores = slices.DeleteFunc(s.restores, func(p *http1.Reply) bool { return p == w })
}

// Restored tells a waiting runtime that it has been restored; it says whether restore hooks run now, which end with
// OnRestored.
func (s *Server) Restored() (hooks bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restored = true
	return s.releaseRestore()
}

// releaseRestore lets waiting runtimes run their hooks: after a restore, or when an event arrives without one, since a
// runtime that waits for a restore would never ask for it. The caller holds mu.
func (s *Server) releaseRestore() bool {
	any := false
	for _, w := range s.restores {
		any = w.Send(200, nil, nil) == nil || any
	}
	s.restores = nil
	s.hook = s.hook || any
	return any
}

// restoreError is POST /runtime/restore/error: a restore hook failed.
func (s *Server) restoreError(w *http1.Reply, r *http1.Request) {
	body, err := readError(r)
	if err != nil {
		fail(w, 413, "RequestEntityTooLarge", "an error body may have 256 KiB")
		return
	}
	s.mu.Lock()
	s.hook = false
	s.mu.Unlock()
	if body == nil {
		body = []byte(`{"errorType":"Runtime.RestoreError"}`)
	}
	s.opt.OnRestored(body)
	ok(w)
}
