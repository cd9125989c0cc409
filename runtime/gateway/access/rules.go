package access

import (
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// rules say what each route needs, by the same patterns that serve it.
type rules struct {
	mux   *http.ServeMux
	needs map[string]auth.Need
}

func newRules(routes []gateway.Routes) *rules {
	s := &rules{http.NewServeMux(), map[string]auth.Need{}}
	for _, r := range routes {
		g, ok := r.(gateway.Guarded)
		if !ok {
			continue // its routes need manage, as all that is not named
		}
		for pattern, need := range g.Needs() {
			s.mux.Handle(pattern, http.NotFoundHandler())
			s.needs[pattern] = need
		}
	}
	return s
}

// need is what the route of a request asks; the zero Need where none is known.
func (s *rules) need(r *http.Request) auth.Need {
	_, pattern := s.mux.Handler(r)
	return s.needs[pattern]
}
