package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

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
	return fmt.Errorf("function not found: %s; %s: %w", name, Near(name, names), errdefs.ErrNotFound)
}

// nearest is how many names a hint lists at most.
const nearest = 5

// Near says which of names the wanted one may have meant, or which there are.
func Near(want string, names []string) string {
	if len(names) == 0 {
		return "there is none yet"
	}
	type scored struct {
		name string
		d    int
	}
	var close []scored
	for _, n := range names {
		d := distance(strings.ToLower(want), strings.ToLower(n))
		if strings.Contains(n, want) || strings.Contains(want, n) {
			d = min(d, 1)
		}
		if d <= max(2, len(want)/3) {
			close = append(close, scored{n, d})
		}
	}
	if len(close) == 0 {
		list := slices.Clone(names)
		slices.Sort(list)
		if len(list) > nearest {
			return fmt.Sprintf("there are %d, such as %s", len(list), strings.Join(list[:nearest], ", "))
		}
		return "there is " + strings.Join(list, ", ")
	}
	slices.SortStableFunc(close, func(a, b scored) int { return a.d - b.d })
	var out []string
	for _, s := range close[:min(len(close), nearest)] {
		out = append(out, s.name)
	}
	return "did you mean " + strings.Join(out, ", ") + "?"
}

// distance is Levenshtein's, over bytes.
func distance(a, b string) int {
	if len(a) > 200 || len(b) > 200 {
		return len(a) + len(b)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diag
			if a[i] != b[j] {
				cost++
			}
			diag = row[j+1]
			row[j+1] = min(cost, row[j]+1, diag+1)
		}
	}
	return row[len(b)]
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
