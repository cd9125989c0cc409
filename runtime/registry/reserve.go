package registry

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Reserve bounds the instances of every version of a function, 0 letting none run, and gives its $LATEST; nil goes back to
// what each version says of itself. For a function that has a manifest it holds until the manifest changes.
func (r *Registry) Reserve(_ context.Context, name string, n *int) (spec.Function, error) {
	defer r.change(name)()
	rec, e, err := r.edit(name)
	if err != nil {
		return spec.Function{}, err
	}
	fn, err := e.version(name, latest)
	if err != nil {
		return fn, err
	}
	if n != nil {
		if err := e.mayReserve(name, *n); err != nil {
			return fn, err
		}
	}
	rec.Reserved, rec.Base, fn.Reserved = n, r.base(name), n
	return fn, r.commit(rec)
}

// mayReserve keeps the bound above what is to be kept warm, unless everything is to stop.
func (e *entry) mayReserve(name string, n int) error {
	if n < 0 || n > maxConcurrency {
		return fmt.Errorf("reserved concurrency of %s is %d; it takes 0 to %d: %w", name, n, maxConcurrency, errdefs.ErrInvalidArgument)
	}
	for _, fn := range append([]spec.Function{*e.latest}, e.versions...) {
		if n > 0 && n < fn.MinInstances {
			return fmt.Errorf("%d is less than the %d instances that version %s of %s keeps warm; lower its provisioned concurrency (minInstances) first: %w",
				n, fn.MinInstances, fn.Version, name, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}
