package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/near"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Removals is an optional ability of Functions: to say why a function that was removed does not serve although its manifest
// is there; "" of others.
type Removals interface {
	Removed(name string) string
}

// Mistakes is an optional ability of Functions: to say why a manifest on disk is not what serves, "" when it is.
type Mistakes interface {
	Mistake(name string) string
}

// Latest is Functions.List with those whose manifest has just been written.
func Latest(ctx context.Context, fns Functions) ([]spec.Function, error) {
	if l, ok := fns.(interface{ Look() }); ok {
		l.Look()
	}
	return fns.List(ctx)
}

// Find is Functions.Get whose NotFound says what is wrong with a manifest of that name, or which functions there are,
// the nearest names first.
func Find(ctx context.Context, fns Functions, name, qualifier string) (spec.Function, error) {
	fn, names, err := look(ctx, fns, name, qualifier)
	if names == nil {
		return fn, err
	}
	return fn, absent(fns, names, name, qualifier)
}

// FindFolded is Find for names that came as part of a host, whose case means nothing and which browsers write in small
// letters: where no function has exactly that name, the only one that differs from it in case alone is meant.
func FindFolded(ctx context.Context, fns Functions, name, qualifier string) (spec.Function, error) {
	fn, names, err := look(ctx, fns, name, qualifier)
	if names == nil {
		return fn, err
	}
	meant := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name || !strings.EqualFold(n, name) })
	switch len(meant) {
	case 0:
		return fn, absent(fns, names, name, qualifier)
	case 1:
		return Find(ctx, fns, meant[0], qualifier)
	}
	return fn, fmt.Errorf("the host name %s may mean %s: hosts know no capital letters; ask for /fn/NAME/ instead: %w", name, strings.Join(meant, " or "), errdefs.ErrNotFound)
}

// look is Functions.Get that gives the names of all functions, not nil, where there is none such.
func look(ctx context.Context, fns Functions, name, qualifier string) (fn spec.Function, names []string, err error) {
	fn, err = fns.Get(ctx, name, qualifier)
	if err == nil || !errdefs.IsNotFound(err) {
		return fn, nil, err
	}
	all, lerr := fns.List(ctx)
	if lerr != nil {
		return fn, nil, err
	}
	names = make([]string, len(all))
	for i, f := range all {
		names[i] = f.Name
	}
	return fn, names, err
}

// absent says why there is no such function among those of these names.
func absent(fns Functions, names []string, name, qualifier string) error {
	if slices.Contains(names, name) {
		return fmt.Errorf("function %s has no version or alias %q: %w", name, qualifier, errdefs.ErrNotFound)
	}
	if p, ok := fns.(Removals); ok && p.Removed(name) != "" {
		return fmt.Errorf("function %s does not serve: %s: %w", name, p.Removed(name), errdefs.ErrNotFound)
	}
	if p, ok := fns.(Mistakes); ok && p.Mistake(name) != "" {
		return fmt.Errorf("function %s cannot serve, its manifest is wrong: %s: %w", name, p.Mistake(name), errdefs.ErrNotFound)
	}
	return fmt.Errorf("function not found: %s; %s: %w", name, near.Hint(name, names), errdefs.ErrNotFound)
}

// URLClosed says whether a function, of which fn is one version, has no URL: $LATEST says it for all, since what is published
// does not change.
func URLClosed(ctx context.Context, fns Functions, fn spec.Function) bool {
	if fn.Version != "$LATEST" {
		if latest, err := fns.Get(ctx, fn.Name, ""); err == nil {
			return latest.URL.Closed
		}
	}
	return fn.URL.Closed
}
