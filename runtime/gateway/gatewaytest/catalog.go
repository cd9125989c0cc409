// Package gatewaytest has in-memory stand-ins for what the gateway asks of the rest of the runtime.
package gatewaytest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Catalog implements Functions, Aliases and what Functions may be able to do besides. The zero value is empty and ready.
type Catalog struct {
	mu      sync.Mutex
	fns     map[string][]spec.Function // $LATEST first, then published
	aliases map[string]map[string]spec.Alias
	asyncs  map[string]map[string]spec.Async // by function and qualifier
	edits   int
}

var (
	_ gateway.Functions   = (*Catalog)(nil)
	_ gateway.Aliases     = (*Catalog)(nil)
	_ gateway.Provisioner = (*Catalog)(nil)
	_ gateway.Reserver    = (*Catalog)(nil)
	_ gateway.AsyncSetter = (*Catalog)(nil)
)

// Get implements gateway.Functions.
func (c *Catalog) Get(_ context.Context, name, qualifier string) (spec.Function, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := qualifier
	if al, ok := c.aliases[name][qualifier]; ok {
		qualifier = al.Version
		if al.SecondVersion != "" && rand.Float64() < al.Weight {
			qualifier = al.SecondVersion
		}
	}
	fn, err := c.version(name, cmp.Or(qualifier, "$LATEST"))
	if own, ok := c.asyncs[name][asked]; ok && err == nil {
		fn.Async = own
	}
	return fn, err
}

func (c *Catalog) version(name, v string) (spec.Function, error) {
	for _, fn := range c.fns[name] {
		if fn.Version == v {
			return fn, nil
		}
	}
	return spec.Function{}, fmt.Errorf("no function %s:%s: %w", name, v, errdefs.ErrNotFound)
}

// List implements gateway.Functions.
func (c *Catalog) List(context.Context) ([]spec.Function, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []spec.Function
	for _, name := range slices.Sorted(maps.Keys(c.fns)) {
		all = append(all, c.fns[name][0])
	}
	return all, nil
}

// Versions implements gateway.Functions.
func (c *Catalog) Versions(_ context.Context, name string) ([]spec.Function, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.fns[name]), nil
}

// Put implements gateway.Functions.
func (c *Catalog) Put(_ context.Context, fn spec.Function) (spec.Function, error) {
	if fn.Image == "" && len(fn.Command) == 0 {
		return fn, fmt.Errorf("function.yaml: image: missing: %w", errdefs.ErrInvalidArgument)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fns == nil {
		c.fns, c.aliases = map[string][]spec.Function{}, map[string]map[string]spec.Alias{}
	}
	fn.Version, fn.Concurrency = "$LATEST", max(fn.Concurrency, 1)
	b, _ := json.Marshal(fn)
	sum := sha256.Sum256(b)
	fn.Digest = hex.EncodeToString(sum[:])
	if len(c.fns[fn.Name]) == 0 {
		c.fns[fn.Name], c.aliases[fn.Name] = []spec.Function{fn}, map[string]spec.Alias{}
	}
	c.fns[fn.Name][0] = fn
	return fn, nil
}

// Publish implements gateway.Functions.
func (c *Catalog) Publish(_ context.Context, name, description string) (spec.Function, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.fns[name]
	fn, last := all[0], all[len(all)-1]
	if len(all) > 1 && last.Digest == fn.Digest {
		return last, nil
	}
	fn.Version, fn.Description = strconv.Itoa(len(all)), cmp.Or(description, fn.Description)
	c.fns[name] = append(all, fn)
	return fn, nil
}

// Delete implements gateway.Functions.
func (c *Catalog) Delete(_ context.Context, name, qualifier string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if qualifier == "" {
		delete(c.fns, name)
		delete(c.aliases, name)
		return nil
	}
	c.fns[name] = slices.DeleteFunc(c.fns[name], func(f spec.Function) bool { return f.Version == qualifier })
	return nil
}

// SetMinInstances implements gateway.Provisioner.
func (c *Catalog) SetMinInstances(_ context.Context, name, version string, n int) (spec.Function, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, fn := range c.fns[name] {
		if fn.Version == version {
			c.fns[name][i].MinInstances = n
			return c.fns[name][i], nil
		}
	}
	return spec.Function{}, errdefs.ErrNotFound
}

// Reserve implements gateway.Reserver.
func (c *Catalog) Reserve(_ context.Context, name string, n *int) (spec.Function, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.fns[name] {
		c.fns[name][i].Reserved = n
	}
	return c.version(name, "$LATEST")
}

// SetAsync implements gateway.AsyncSetter.
func (c *Catalog) SetAsync(_ context.Context, name, qualifier string, as *spec.Async) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asyncs == nil {
		c.asyncs = map[string]map[string]spec.Async{}
	}
	if c.asyncs[name] == nil {
		c.asyncs[name] = map[string]spec.Async{}
	}
	delete(c.asyncs[name], qualifier)
	if as != nil {
		c.asyncs[name][qualifier] = *as
	}
	return nil
}

// Asyncs implements gateway.AsyncSetter.
func (c *Catalog) Asyncs(_ context.Context, name string) (map[string]spec.Async, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.asyncs[name]), nil
}

// PutAlias implements gateway.Aliases.
func (c *Catalog) PutAlias(_ context.Context, al spec.Alias) (spec.Alias, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.version(al.Function, al.Version); err != nil {
		return al, err
	}
	c.edits++
	al.Revision = strconv.Itoa(c.edits)
	c.aliases[al.Function][al.Name] = al
	return al, nil
}

// Alias implements gateway.Aliases.
func (c *Catalog) Alias(_ context.Context, function, name string) (spec.Alias, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if al, ok := c.aliases[function][name]; ok {
		return al, nil
	}
	return spec.Alias{}, fmt.Errorf("no alias %s: %w", name, errdefs.ErrNotFound)
}

// ListAliases implements gateway.Aliases.
func (c *Catalog) ListAliases(_ context.Context, function string) ([]spec.Alias, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []spec.Alias
	for _, name := range slices.Sorted(maps.Keys(c.aliases[function])) {
		all = append(all, c.aliases[function][name])
	}
	return all, nil
}

// DeleteAlias implements gateway.Aliases.
func (c *Catalog) DeleteAlias(_ context.Context, function, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.aliases[function], name)
	return nil
}
