package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/dispatch"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Requests with "loras" are answered by another version of their function, "lora-KEY", whose bundle has those merged in: to
// the dispatcher a version as any other, started, kept and evicted by the same rules. The bundle lies at MODELS/derived/KEY;
// where it does not yet, it is built before the event goes on.
const (
	loraVersion = "lora-"
	lorasName   = "loras"
	derivedName = "derived"
)

// loraFunctions is the registry with those versions.
type loraFunctions struct {
	dispatch.Functions
	derived string // folder
}

// Get resolves lora-KEY of a function while its bundle is there and the function's own is still its base.
func (f loraFunctions) Get(ctx context.Context, name, qualifier string) (spec.Function, error) {
	key, ok := strings.CutPrefix(qualifier, loraVersion)
	if !ok {
		return f.Functions.Get(ctx, name, qualifier)
	}
	fn, err := f.Functions.Get(ctx, name, "$LATEST")
	if err != nil {
		return fn, err
	}
	dir := filepath.Join(f.derived, filepath.Base(key))
	man, err := weights.ReadManifest(dir)
	if err == nil && fn.Model != nil {
		var base weights.Manifest
		if base, err = weights.ReadManifest(fn.Model.Bundle); err == nil && (man.Derived == nil || man.Derived.Base != base.Digest) {
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

// askedLoRA is one of a request's loras.
type askedLoRA struct {
	Name      string   `json:"name"`
	Strength  *float64 `json:"strength"`
	Component string   `json:"component"`
}

// lorasOf are those of an event: a request, or a URL event with one as its body. What is no such thing has none: the function
// says what is wrong with it.
func lorasOf(payload []byte) []askedLoRA {
	if !bytes.Contains(payload, []byte(`loras`)) {
		return nil
	}
	var event struct {
		LoRAs   []askedLoRA `json:"loras"`
		Body    string      `json:"body"`
		Base64  bool        `json:"isBase64Encoded"`
		Context struct {
			HTTP struct{ Method string } `json:"http"`
		} `json:"requestContext"`
	}
	if json.Unmarshal(payload, &event) != nil {
		return nil
	}
	if event.Context.HTTP.Method == "" {
		return event.LoRAs
	}
	body := []byte(event.Body)
	if event.Base64 {
		var err error
		if body, err = base64.StdEncoding.DecodeString(event.Body); err != nil {
			return nil
		}
	}
	event.LoRAs = nil
	if json.Unmarshal(body, &event) != nil {
		return nil
	}
	return event.LoRAs
}

// loraInvoker sends events with loras to the version that has them.
type loraInvoker struct {
	spec.Invoker
	functions dispatch.Functions
	merger    *merger
}

var _ spec.Invoker = loraInvoker{}

// Invoke implements spec.Invoker.
func (l loraInvoker) Invoke(ctx context.Context, inv spec.Invocation) (*spec.Result, error) {
	asked := lorasOf(inv.Payload)
	if len(asked) == 0 {
		return l.Invoker.Invoke(ctx, inv)
	}
	fn, err := l.functions.Get(ctx, inv.Function, inv.Qualifier)
	if err != nil || fn.Model == nil || fn.Version != "$LATEST" {
		return l.Invoker.Invoke(ctx, inv) // an error as any, a function that makes of the field what it likes, a version that is as it was
	}
	if inv.OnProgress != nil {
		inv.OnProgress(spec.Progress{Phase: "merge"})
	}
	key, err := l.merger.bundle(ctx, fn.Model.Bundle, asked)
	if err != nil {
		return nil, err
	}
	inv.Qualifier, inv.Version = loraVersion+key, ""
	return l.Invoker.Invoke(ctx, inv)
}

// merger finds derived bundles, or has them built.
type merger struct {
	models string // folder
	budget int64  // bytes of derived bundles' own
	build  func(ctx context.Context, checkpoint, base, out string, loras []mergedLoRA) error

	mu      sync.Mutex
	busy    map[string]*sync.Mutex // a build at a time for a key
	digests map[string]digested    // of files, by path
}

// mergedLoRA is one that a build is given.
type mergedLoRA struct {
	path, component string
	strength        float64
}

// digested is a file's digest while it is what it was.
type digested struct {
	size   int64
	mtime  time.Time
	digest string
}

// bundle is the key of the derived bundle of a base and LoRAs, which is there when it returns.
func (m *merger) bundle(ctx context.Context, base string, asked []askedLoRA) (string, error) {
	man, err := weights.ReadManifest(base)
	if err != nil {
		return "", err
	}
	if man.Derived != nil {
		return "", fmt.Errorf("this model has LoRAs merged in already: ask the plain one for loras: %w", errdefs.ErrInvalidArgument)
	}
	d, loras := weights.Derived{Base: man.Digest}, []mergedLoRA(nil)
	for i, a := range asked {
		l, err := m.find(a)
		if err != nil {
			return "", fmt.Errorf("loras[%d]: %w", i, err)
		}
		if l.Strength == 0 {
			continue
		}
		d.LoRAs = append(d.LoRAs, l)
		loras = append(loras, mergedLoRA{m.path(a.Name), a.Component, l.Strength})
	}
	if len(loras) == 0 {
		return "", fmt.Errorf("loras: all are at strength 0: leave the field out: %w", errdefs.ErrInvalidArgument)
	}
	key := d.Key()
	return key, m.make(ctx, key, base, loras)
}

func (m *merger) path(name string) string {
	return filepath.Join(m.models, lorasName, name+".safetensors")
}

// find is the LoRA that a request names.
func (m *merger) find(a askedLoRA) (l weights.LoRA, err error) {
	l = weights.LoRA{Name: a.Name, Strength: 1, Component: a.Component}
	if a.Strength != nil {
		l.Strength = *a.Strength
	}
	if a.Name == "" || filepath.Base(a.Name) != a.Name || strings.HasPrefix(a.Name, ".") {
		return l, fmt.Errorf("%q is no LoRA's name: it is that of a file in the folder of LoRAs, without its ending: %w", a.Name, errdefs.ErrInvalidArgument)
	}
	st, err := os.Stat(m.path(a.Name))
	if err != nil {
		return l, fmt.Errorf("there is no LoRA %q: %s: %w", a.Name, m.have(), errdefs.ErrInvalidArgument)
	}
	l.Digest, err = m.digest(m.path(a.Name), st)
	return l, err
}

// loraNames are those of the LoRAs in the folder of models, which requests may name.
func loraNames(models string) (names []string) {
	paths, _ := filepath.Glob(filepath.Join(models, lorasName, "*.safetensors")) // the pattern is good
	for _, p := range paths {
		if name := strings.TrimSuffix(filepath.Base(p), ".safetensors"); name != "" && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names
}

// have says which LoRAs there are.
func (m *merger) have() string {
	names := loraNames(m.models)
	if len(names) == 0 {
		return "none are there"
	}
	return strings.Join(names, ", ") + " would do"
}
