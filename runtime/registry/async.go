package registry

import (
	"context"
	"fmt"
	"maps"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// SetAsync gives one published version or alias asynchronous settings of its own; nil takes them away. Those of $LATEST
// are part of it: see Put.
func (r *Registry) SetAsync(_ context.Context, name, qualifier string, as *spec.Async) error {
	defer r.change(name)()
	rec, e, err := r.edit(name)
	if err != nil {
		return err
	}
	if qualifier == "" || qualifier == latest {
		return fmt.Errorf("the asynchronous settings of %s are the manifest's: %w", latest, errdefs.ErrInvalidArgument)
	}
	if _, ok := rec.Aliases[qualifier]; !ok {
		if _, err := e.version(name, qualifier); err != nil {
			return err
		}
	}
	if as == nil {
		delete(rec.Async, qualifier)
		return r.commit(rec)
	}
	fn := withDefaults(spec.Function{Async: *as})
	c := &checker{}
	if c.async(&fn); len(c.errs) > 0 {
		return c.errs[0]
	}
	rec.Async[qualifier] = fn.Async
	return r.commit(rec)
}

// Asyncs gives what SetAsync has set, by version or alias.
func (r *Registry) Asyncs(_ context.Context, name string) (map[string]spec.Async, error) {
	e, err := r.entry(name)
	if err != nil {
		return nil, err
	}
	return maps.Clone(e.rec.Async), nil
}
