package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/dispatch"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Requests with "loras" are answered by another version of their function, "lora-KEY", whose bundle has those merged in: to
// the dispatcher a version as any other, started, kept and evicted by the same rules. The bundle lies at MODELS/derived/KEY;
// where it does not yet, it is built before the event goes on.
const (
	lorasName   = "loras"
	derivedName = "derived"
)

// loraFunctions is the registry with those versions.
type loraFunctions struct {
	dispatch.Functions
	derived   string // folder
	manifests *manifests
}

// Get resolves lora-KEY of a function while its bundle is there and the function's own is still its base.
func (f loraFunctions) Get(ctx context.Context, name, qualifier string) (spec.Function, error) {
	key, ok := strings.CutPrefix(qualifier, spec.LoRAVersion)
	if !ok {
		return f.Functions.Get(ctx, name, qualifier)
	}
	fn, err := f.Functions.Get(ctx, name, "$LATEST")
	if err != nil {
		return fn, err
	}
	dir := filepath.Join(f.derived, strings.TrimLeft(filepath.Base(key), ".")) // what begins with a dot is no bundle yet, or no more
	man, err := f.manifests.read(dir)
	if err == nil && fn.Model != nil {
		var base *weights.Manifest
		if base, err = f.manifests.read(fn.Model.Bundle); err == nil && (man.Derived == nil || man.Derived.Base != base.Digest) {
			err = fmt.Errorf("its base is another one now")
		}
	}
	if err != nil || fn.Model == nil {
		return fn, fmt.Errorf("function %s has no bundle with the LoRAs %s: %w", name, key, errdefs.ErrNotFound)
	}
	return variant(fn, qualifier, dir, man.Digest), nil
}

// variant is a function over another bundle. Nothing is kept ready of it.
func variant(fn spec.Function, version, bundle, digest string) spec.Function {
	model := *fn.Model
	model.Bundle = bundle
	sum := sha256.Sum256([]byte(fn.Digest + digest))
	fn.Model, fn.Version, fn.Digest = &model, version, hex.EncodeToString(sum[:])
	fn.MinInstances, fn.StagedSpares = 0, 0
	return fn
}

// loraInvoker sends events with loras to the version that has them.
type loraInvoker struct {
	spec.Invoker
	functions dispatch.Functions
	merger    *merger
}

var _ spec.Invoker = loraInvoker{}

// Invoke implements spec.Invoker. What is wrong with an event besides its loras the function itself says, as of any other: for
// that nothing is merged.
func (l loraInvoker) Invoke(ctx context.Context, inv spec.Invocation) (*spec.Result, error) {
	body := requestOf(inv.Payload)
	if body == nil {
		return l.Invoker.Invoke(ctx, inv)
	}
	fn, err := l.functions.Get(ctx, inv.Function, inv.Qualifier)
	if err != nil || fn.Model == nil || fn.Version != "$LATEST" {
		return l.Invoker.Invoke(ctx, inv) // an error as any, a function that makes of the field what it likes, a version that is as it was
	}
	man, err := l.merger.manifests.read(fn.Model.Bundle)
	if err != nil {
		return l.Invoker.Invoke(ctx, inv) // the function says better what its model lacks
	}
	asked, err := l.merger.schemas.asked(man, body)
	if err != nil {
		return nil, err
	}
	if len(asked) == 0 {
		return l.Invoker.Invoke(ctx, inv)
	}
	if inv.OnProgress != nil {
		inv.OnProgress(spec.Progress{Phase: "merge"})
	}
	key, done, err := l.merger.bundle(ctx, fn.Model.Bundle, man, asked)
	if err != nil {
		return nil, err
	}
	defer done() // an instance has it open by then
	inv.Qualifier, inv.Version = spec.LoRAVersion+key, ""
	return l.Invoker.Invoke(ctx, inv)
}

// openLoRAs is what dispatch sees of functions, and what asks it.
func (p *plane) openLoRAs() (loraFunctions, *merger) {
	m := newMerger(p.cfg.Models, int64(p.cfg.LoRACache), buildDerived(p.cfg.Data, p.log), p.log)
	m.sweep()
	return loraFunctions{p.registry, m.folder(), m.manifests}, m
}

// lorasServed are the keys of the derived bundles that instances have open.
func lorasServed(d *dispatch.Dispatcher) func() map[string]bool {
	return func() map[string]bool {
		all, err := d.Instances(context.Background())
		keys := map[string]bool{}
		if err != nil {
			return keys // it has no errors of its own
		}
		for _, i := range all {
			if key, ok := strings.CutPrefix(i.Version, spec.LoRAVersion); ok {
				keys[key] = true
			}
		}
		return keys
	}
}
