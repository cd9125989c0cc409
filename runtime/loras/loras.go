// Package loras has the LoRAs that a request asks for merged into its model before the request goes on. Models reach it as files.
//
// Requests with "loras" are answered by another version of their function, "lora-KEY", whose bundle has those merged in: to
// the dispatcher a version as any other, started, kept and evicted by the same rules. The bundle lies at MODELS/derived/KEY;
// where it does not yet, it is built before the event goes on.
package loras

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

// The folders below that of models: of LoRAs, as requests call them too, and of models with some merged in.
const (
	lorasName = "loras"
	Folder    = "derived"
)

// Versions is the registry with the versions that have LoRAs.
type Versions struct {
	dispatch.Functions
	derived   string // folder
	manifests *manifests
}

// Get resolves lora-KEY of a function while its bundle is there and the function's own is still its base.
func (f Versions) Get(ctx context.Context, name, qualifier string) (spec.Function, error) {
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

// invoker sends events with loras to the version that has them.
type invoker struct {
	spec.Invoker
	functions dispatch.Functions
	merger    *Merger
}

var _ spec.Invoker = invoker{}

// Invoke implements spec.Invoker. What is wrong with an event besides its loras the function itself says, as of any other: for
// that nothing is merged.
func (l invoker) Invoke(ctx context.Context, inv spec.Invocation) (*spec.Result, error) {
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

// Over is functions with the versions whose bundles are there.
func (m *Merger) Over(fns dispatch.Functions) Versions { return Versions{fns, m.folder(), m.manifests} }

// Before has the loras of events merged before next gets them.
func (m *Merger) Before(next spec.Invoker, fns dispatch.Functions) spec.Invoker {
	return invoker{next, fns, m}
}

// Serve says which instances there are: the bundles that they have open stay. It is called before anything is merged.
func (m *Merger) Serve(instances func(context.Context) ([]spec.InstanceStatus, error)) {
	m.serving = func() map[string]bool {
		all, err := instances(context.Background())
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
