package tensorrt

/*
#include "bind.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/containerd/errdefs"
)

// refit gives a plan that was built without its weights those of its graph, from where the bundle's files are mapped.
func (s *session) refit() (err error) {
	r := *s.bare
	if r.Model = s.graph; r.Model == "" {
		r.Model = s.bare.Model
	}
	if _, err := os.Stat(r.Model); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("plan %s has no weights of its own, and the graph that has them is not at %s: build it again with `videosdgx models plan --again`: %w",
			s.path, r.Model, errdefs.ErrNotFound)
	}
	g, err := prepare(r, s.lib.major())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	spec := newSpec(r, g)
	defer spec.free()
	s.lib.mu.Lock()
	defer s.lib.mu.Unlock()
	var w why
	text, size := w.at()
	return w.err(C.bind_refit(s.lib.shim, s.plan, spec.c.model_path, spec.c.weights, spec.c.weight_count, text, size), "give "+s.path+" its weights")
}
