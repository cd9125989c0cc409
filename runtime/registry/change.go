package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Get resolves a name and a qualifier (version, alias, "" or "$LATEST") to one version; a weighted alias draws.
func (r *Registry) Get(_ context.Context, name, qualifier string) (spec.Function, error) {
	e, err := r.entry(name)
	if err != nil {
		return spec.Function{}, err
	}
	a, ok := e.rec.Aliases[qualifier]
	if !ok {
		return e.version(name, qualifier)
	}
	v := a.Version
	if a.SecondVersion != "" && rand.Float64() < a.Weight {
		v = a.SecondVersion
	}
	fn, err := e.version(name, v)
	if own, ok := e.rec.Async[a.Name]; ok && err == nil {
		fn.Async = own
	}
	return fn, err
}

func (e *entry) version(name, v string) (spec.Function, error) {
	if v == "" || v == latest {
		if e.latest != nil {
			return *e.latest, nil
		}
		return spec.Function{}, fmt.Errorf("function %s has no %s any more, only published versions: %w", name, latest, errdefs.ErrNotFound)
	}
	for _, fn := range e.versions {
		if fn.Version == v {
			return fn, nil
		}
	}
	return spec.Function{}, fmt.Errorf("function %s has no version or alias %q: %w", name, v, errdefs.ErrNotFound)
}

// Put makes or replaces $LATEST, durably, after validating it. For a function that has a manifest it holds until the
// manifest changes.
func (r *Registry) Put(ctx context.Context, fn spec.Function) (spec.Function, error) {
	anew := fn.Resolved == spec.Anew
	if anew {
		fn.Resolved = ""
	}
	fn, err := r.finish(fn, "", nil, r.provisioned(fn.Name))
	if err == nil {
		err = r.imageThere(ctx, &fn, anew)
	}
	if err != nil {
		return spec.Function{}, err
	}
	defer r.change(fn.Name)()
	if err := r.modelTaken(&fn, ""); err != nil {
		return spec.Function{}, err
	}
	rec, _, err := r.edit(fn.Name)
	if err != nil {
		rec = newStored(fn.Name)
	}
	f := freeze(fn)
	rec.Latest, rec.Deleted, rec.Base = &f, false, r.base(fn.Name)
	fn.Reserved, fn.Modified = rec.Reserved, f.At
	return fn, r.commit(rec)
}

// imageThere resolves the function's image, and refuses one that is nowhere to be had or that cannot be run here, and none at
// all where functions run in containers. One that serves already is asked for anew where it is deployed again.
func (r *Registry) imageThere(ctx context.Context, fn *spec.Function, anew bool) error {
	if r.cfg.Runs != nil {
		if err := r.cfg.Runs(*fn); err != nil {
			field := "image"
			if len(fn.Command) > 0 {
				field = "gpus" // a command would run here: it is the devices that it asks for
			}
			return &Mistake{Field: field, Text: err.Error()}
		}
	}
	e, err := r.entry(fn.Name)
	serves := err == nil && e.latest != nil && fn.Image != "" && e.latest.Image == fn.Image && !strings.HasPrefix(fn.Image, "oci:")
	if r.cfg.Image == nil || serves && !anew {
		return nil
	}
	was := ""
	if serves {
		was = e.latest.Resolved
	}
	fn.Resolved, err = r.cfg.Image(ctx, fn.Image, was)
	if err == nil {
		fn.Digest, fn.Code, err = r.hashes.digest(*fn)
		return err
	}
	if errdefs.IsUnavailable(err) || ctx.Err() != nil {
		return err
	}
	return &Mistake{Field: "image", Text: err.Error()}
}

// provisioned is how many instances a function keeps warm already: as many it may go on keeping when the reservation that
// made room for them has gone.
func (r *Registry) provisioned(name string) int {
	e, err := r.entry(name)
	if err != nil || e.latest == nil {
		return 0
	}
	return e.latest.MinInstances
}

// finish gives a function its defaults, absolute paths, version and digest, or says what is wrong with it. It may keep so
// many instances warm in any case.
func (r *Registry) finish(fn spec.Function, file string, lines map[string]int, warm int) (spec.Function, error) {
	fn = resolve(withDefaults(fn), r.cfg.Models)
	if err := validate(&fn, file, lines, warm); err != nil {
		return fn, err
	}
	if err := r.mounts(&fn, file, lines); err != nil {
		return fn, err
	}
	fn.Version = latest
	var err error
	fn.Digest, fn.Code, err = r.hashes.digest(fn)
	return fn, err
}

// Publish freezes $LATEST as the next number; without a change since the last number it gives that one.
func (r *Registry) Publish(_ context.Context, name, description string) (spec.Function, error) {
	defer r.change(name)()
	rec, e, err := r.edit(name)
	if err != nil {
		return spec.Function{}, err
	}
	if e.latest == nil {
		return e.version(name, latest)
	}
	fn := clone(*e.latest)
	if description != "" {
		fn.Description = description
	}
	if n := len(e.versions); n > 0 && same(rec.Versions[n-1].thaw(), fn) {
		return e.versions[n-1], nil
	}
	fn.MinInstances = 0 // else every old version would keep instances; see SetMinInstances
	fn.Version = strconv.Itoa(rec.Next)
	rec.Next++
	v := freeze(fn)
	rec.Versions, fn.Modified = append(rec.Versions, v), v.At
	return fn, r.commit(rec)
}

// same says whether a published version is what publishing fn would make.
func same(published, fn spec.Function) bool {
	fn.Version, fn.MinInstances, fn.Reserved = published.Version, published.MinInstances, nil
	fn.Modified = published.Modified
	fn.Written, published.Written = nil, nil
	return reflect.DeepEqual(withDefaults(published), withDefaults(fn))
}

// Delete removes one version, or the whole function with "". A function whose manifest stays on disk comes back when
// the manifest changes.
func (r *Registry) Delete(_ context.Context, name, qualifier string) error {
	defer r.change(name)()
	rec, e, err := r.edit(name)
	if err != nil {
		return err
	}
	if qualifier == "" {
		gone := newStored(name)
		gone.Base = r.base(name)
		gone.Deleted = gone.Base != ""
		return r.commit(gone)
	}
	if qualifier == latest {
		return fmt.Errorf("%s cannot be deleted alone; delete the whole function: %w", latest, errdefs.ErrInvalidArgument)
	}
	if _, ok := rec.Aliases[qualifier]; ok {
		return fmt.Errorf("%s is an alias of %s, not a version; DeleteAlias takes it away: %w", qualifier, name, errdefs.ErrInvalidArgument)
	}
	if _, err := e.version(name, qualifier); err != nil {
		return err
	}
	for _, a := range rec.Aliases {
		if a.Version == qualifier || a.SecondVersion == qualifier {
			return fmt.Errorf("version %s of %s is in use by alias %s; point the alias elsewhere first: %w",
				qualifier, name, a.Name, errdefs.ErrConflict)
		}
	}
	rec.drop(qualifier)
	return r.commit(rec)
}

func (r *stored) drop(version string) {
	kept := r.Versions[:0]
	for _, v := range r.Versions {
		if v.Function.Version != version {
			kept = append(kept, v)
		}
	}
	r.Versions = kept
	delete(r.Async, version)
}

// Mistake says why a function's manifest on disk is not what serves; "" when it is.
func (r *Registry) Mistake(name string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []error
	for dir, f := range r.folders {
		if f.mistake != nil && (f.name == name || (f.name == "" && dir == name)) {
			all = append(all, f.mistake)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return errors.Join(all...).Error()
}

// Mistakes gives the mistake in every folder that has one.
func (r *Registry) Mistakes() map[string]string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := map[string]string{}
	for dir, f := range r.folders {
		if f.mistake != nil {
			all[dir] = f.mistake.Error()
		}
	}
	return all
}
