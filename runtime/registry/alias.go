package registry

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// aliasForm is Lambda's, which keeps aliases apart from version numbers.
var aliasForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// PutAlias makes or replaces an alias. With a revision it succeeds only while that is the alias's own.
func (r *Registry) PutAlias(_ context.Context, a spec.Alias) (spec.Alias, error) {
	defer r.change(a.Function)()
	rec, e, err := r.edit(a.Function)
	if err != nil {
		return spec.Alias{}, err
	}
	if err := e.checkAlias(a); err != nil {
		return spec.Alias{}, err
	}
	if old := rec.Aliases[a.Name]; a.Revision != "" && a.Revision != old.Revision {
		return spec.Alias{}, fmt.Errorf("alias %s of %s has changed since revision %s; read it again: %w",
			a.Name, a.Function, a.Revision, errdefs.ErrFailedPrecondition)
	}
	a.Revision = uuid.NewString()
	rec.Aliases[a.Name] = a
	return a, r.commit(rec)
}

func (e *entry) checkAlias(a spec.Alias) error {
	digits := strings.Trim(a.Name, "0123456789") == ""
	switch {
	case !aliasForm.MatchString(a.Name) || digits:
		return fmt.Errorf("%q is not an alias's name; allowed: letters, digits, - and _, not digits alone: %w", a.Name, errdefs.ErrInvalidArgument)
	case !(a.Weight >= 0 && a.Weight <= 1):
		return fmt.Errorf("weight %v of alias %s; allowed: 0 to 1: %w", a.Weight, a.Name, errdefs.ErrInvalidArgument)
	case a.SecondVersion != "" && (a.Version == latest || a.SecondVersion == latest || a.Version == a.SecondVersion):
		return fmt.Errorf("a weighted alias needs two different published versions, not %s and %s: %w", a.Version, a.SecondVersion, errdefs.ErrInvalidArgument)
	case a.Version == "":
		return fmt.Errorf("alias %s names no version: %w", a.Name, errdefs.ErrInvalidArgument)
	}
	for _, v := range []string{a.Version, a.SecondVersion} {
		if v == "" {
			continue
		}
		if _, err := e.version(a.Function, v); err != nil {
			return err
		}
	}
	return nil
}

// Alias gives one alias.
func (r *Registry) Alias(_ context.Context, function, name string) (spec.Alias, error) {
	e, err := r.entry(function)
	if err != nil {
		return spec.Alias{}, err
	}
	a, ok := e.rec.Aliases[name]
	if !ok {
		return spec.Alias{}, fmt.Errorf("function %s has no alias %s: %w", function, name, errdefs.ErrNotFound)
	}
	return a, nil
}

// ListAliases gives a function's aliases, by name.
func (r *Registry) ListAliases(_ context.Context, function string) ([]spec.Alias, error) {
	e, err := r.entry(function)
	if err != nil {
		return nil, err
	}
	all := make([]spec.Alias, 0, len(e.rec.Aliases))
	for _, a := range e.rec.Aliases {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b spec.Alias) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// DeleteAlias removes an alias; one that is not there is no error, as with Lambda.
func (r *Registry) DeleteAlias(_ context.Context, function, name string) error {
	defer r.change(function)()
	rec, _, err := r.edit(function)
	if err != nil {
		return err
	}
	if _, ok := rec.Aliases[name]; !ok {
		return nil
	}
	delete(rec.Aliases, name)
	delete(rec.Async, name)
	return r.commit(rec)
}
