package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/near"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Lister gives the functions that are configured; the registry is one.
type Lister interface {
	List(ctx context.Context) ([]spec.Function, error)
}

// Looker is what a Lister may be able to do besides: to find what was written before the call.
type Looker interface{ Look() }

// Observer says what runs of a function; dispatch is one.
type Observer interface {
	// Instances lists those of all functions, Status says what has been measured of one.
	Instances(ctx context.Context) ([]spec.InstanceStatus, error)
	Status(ctx context.Context, function string) (spec.FunctionStatus, error)
}

// Catalog makes Models of the functions that have a model. Bundle, when given, adds what a model's bundle says.
type Catalog struct {
	Functions Lister
	Observer  Observer
	Bundle    func(ctx context.Context, fn spec.Function) (info, schema []byte) // JSON or nil; must be quick
}

var _ Models = (*Catalog)(nil)

// Latest gives the models as they are now: with those whose manifest has just been written, and none that were kept.
func Latest(ctx context.Context, m Models) ([]Model, error) {
	if l, ok := m.(interface {
		latest(ctx context.Context) ([]Model, error)
	}); ok {
		return l.latest(ctx)
	}
	return m.Models(ctx)
}

func (c *Catalog) latest(ctx context.Context) ([]Model, error) {
	if l, ok := c.Functions.(Looker); ok {
		l.Look()
	}
	return c.Models(ctx)
}

// Models implements Models.
func (c *Catalog) Models(ctx context.Context) ([]Model, error) {
	fns, err := c.Functions.List(ctx)
	if err != nil {
		return nil, err
	}
	up, err := c.Observer.Instances(ctx)
	if err != nil {
		return nil, err
	}
	var out []Model
	for _, fn := range fns {
		if fn.Model != nil {
			out = append(out, c.model(ctx, fn, up))
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

func (c *Catalog) model(ctx context.Context, fn spec.Function, up []spec.InstanceStatus) Model {
	m := Model{
		Name: fn.Model.Name, Function: fn.Name, Description: fn.Description, Version: fn.Version, Port: fn.Model.Port,
		Concurrency: max(1, fn.MaxInstances()) * max(1, fn.EventsAtOnce), Timeout: fn.Timeout.D(), MaxPayload: int64(fn.Limits.Payload), MaxJobs: fn.JobLimit,
		GPUs: fn.GPUs.Count(),
	}
	for _, i := range up {
		if i.Function == fn.Name && (i.State == spec.Idle || i.State == spec.Busy) {
			m.add(i)
		}
	}
	if st, err := c.Observer.Status(ctx, fn.Name); err == nil {
		m.Fault = st.Fault
	}
	if c.Bundle != nil {
		m.Info, m.Schema = c.Bundle(ctx, fn)
	}
	m.Identity = identity(fn, m)
	return m
}

// identity changes with whatever could change what a model makes of a request.
func identity(fn spec.Function, m Model) string {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(fn.Digest), []byte(fn.Code), m.Info, m.Schema} {
		fmt.Fprintf(h, "%d ", len(part))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (m *Model) add(i spec.InstanceStatus) {
	m.Instances++
	m.Memory += int64(i.Memory)
	if i.State == spec.Busy {
		m.LastUse, m.UnloadAt = time.Now().UTC(), time.Time{}
		return
	}
	m.LastUse = later(m.LastUse, i.Since)
	m.UnloadAt = later(m.UnloadAt, i.Expires)
}

// Model implements Models. A name that is not known is looked for: it may be new.
func (c *Catalog) Model(ctx context.Context, name string) (Model, error) {
	all, err := c.Models(ctx)
	if err == nil && !slices.ContainsFunc(all, func(m Model) bool { return m.Name == name }) {
		all, err = c.latest(ctx)
	}
	if err != nil {
		return Model{}, err
	}
	names := make([]string, len(all))
	for i, m := range all {
		if m.Name == name {
			return m, nil
		}
		names[i] = m.Name
	}
	if len(names) == 0 {
		return Model{}, fmt.Errorf("there is no model %q: no function with a model is configured: %w", name, errdefs.ErrNotFound)
	}
	return Model{}, fmt.Errorf("there is no model %q; %s: %w", name, near.Hint(name, names), errdefs.ErrNotFound)
}
