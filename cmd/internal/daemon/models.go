package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// models shows the functions that have a model to the job service, with what runs of each.
type models struct {
	functions gateway.Functions
	instances gateway.Instances
}

var _ jobs.Models = (*models)(nil)

// Models gives every model, by name of its function.
func (m *models) Models(ctx context.Context) ([]jobs.Model, error) {
	fns, err := m.functions.List(ctx)
	if err != nil {
		return nil, err
	}
	running, err := m.instances.Instances(ctx)
	if err != nil {
		return nil, err
	}
	var out []jobs.Model
	for _, fn := range fns {
		if fn.Model != nil {
			out = append(out, m.model(ctx, fn, running))
		}
	}
	return out, nil
}

// Model finds one by its public name.
func (m *models) Model(ctx context.Context, name string) (jobs.Model, error) {
	all, err := m.Models(ctx)
	if err != nil {
		return jobs.Model{}, err
	}
	names := make([]string, len(all))
	for i, x := range all {
		if x.Name == name {
			return x, nil
		}
		names[i] = x.Name
	}
	return jobs.Model{}, fmt.Errorf("there is no model %q; there is: %s: %w", name, orNone(strings.Join(names, ", ")), errdefs.ErrNotFound)
}

func (m *models) model(ctx context.Context, fn spec.Function, running []spec.InstanceStatus) jobs.Model {
	out := jobs.Model{
		Name: fn.Model.Name, Function: fn.Name, Description: fn.Description, Version: fn.Version, Port: fn.Model.Port,
		Concurrency: fn.Concurrency * max(1, fn.EventsAtOnce), Timeout: fn.Timeout.D(), MaxPayload: int64(fn.Limits.Payload),
		Info: modelInfo(fn.Model.Bundle),
	}
	if st, err := m.instances.Status(ctx, fn.Name); err == nil {
		out.Problem = st.Problem
	}
	for _, i := range running {
		if i.Function == fn.Name && (i.State == spec.Idle || i.State == spec.Busy) {
			out.Instances++
			out.Memory += int64(i.Memory)
			out.LastUse, out.UnloadAt = later(out.LastUse, i.Since), later(out.UnloadAt, i.Expires)
		}
	}
	return out
}

// modelInfo is what a bundle says of its model; nil when it cannot be read, which the function then says better.
func modelInfo(bundle string) json.RawMessage {
	man, err := weights.ReadManifest(bundle)
	if err != nil {
		return nil
	}
	b, err := json.Marshal(map[string]any{
		"name": man.Name, "family": man.Family, "digest": man.Digest, "bytes": man.Bytes(), "defaults": man.Defaults,
	})
	if err != nil {
		return nil
	}
	return b
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func orNone(s string) string {
	if s == "" {
		return "none; put a function.yaml with a model into the functions folder"
	}
	return s
}
