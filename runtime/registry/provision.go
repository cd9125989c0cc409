package registry

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// SetMinInstances changes how many instances of one version are kept warm: the only thing about a published version that
// may change.
func (r *Registry) SetMinInstances(ctx context.Context, name, version string, n int) (spec.Function, error) {
	if version == "" || version == latest {
		fn, err := r.Get(ctx, name, latest)
		if err != nil {
			return fn, err
		}
		fn = clone(fn)
		fn.MinInstances = n
		return r.Put(ctx, fn)
	}
	defer r.change(name)()
	rec, _, err := r.edit(name)
	if err != nil {
		return spec.Function{}, err
	}
	for i, v := range rec.Versions {
		if v.Function.Version != version {
			continue
		}
		fn := v.thaw()
		fn.Reserved = rec.Reserved
		if most := fn.MaxInstances(); n < 0 || n > most {
			return spec.Function{}, fmt.Errorf("minInstances of %s:%s is %d; it takes 0 to %d, its concurrency: %w", name, version, n, most, errdefs.ErrInvalidArgument)
		}
		fn.MinInstances, rec.Versions[i].Function.MinInstances = n, n
		return fn, r.commit(rec)
	}
	return spec.Function{}, fmt.Errorf("function %s has no version %q: %w", name, version, errdefs.ErrNotFound)
}
