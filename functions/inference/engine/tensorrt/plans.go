package tensorrt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
)

// Plans keeps plans in a folder, a cache that may be thrown away at any time. A plan is named by all that it depends on, so
// that another TensorRT, another GPU or other weights never find it.
type Plans struct {
	Dir     string
	Library string // that runs the plans, as Library.Name gives it
	Digest  string // of the bundle that the graphs are of
	// Recipe says how a graph is built; nil builds it as it is.
	Recipe func(graph string) (Recipe, error)
	// Builder builds what is missing; nil: what is missing is NotFound.
	Builder *Builder
	// Tell hears how a build comes along.
	Tell func(graph string, r Report)

	mu sync.Mutex // one build at a time: each takes the whole GPU's attention
}

var _ Planner = (*Plans)(nil)

// Facts are what a plan depends on. They lie beside it as JSON.
type Facts struct {
	Graph      string `json:"graph"`
	Bundle     string `json:"bundle"`
	Library    string `json:"library"`
	Capability int    `json:"capability"`
	Recipe     Recipe `json:"recipe"`
}

// path is where the plan of these facts lies. The graph's path is not among them: a bundle may be moved.
func (p *Plans) path(f Facts) (string, error) {
	f.Graph, f.Recipe.Model, f.Recipe.Limits = strings.TrimSuffix(filepath.Base(f.Graph), ".onnx"), "", ResourceLimits{}
	raw, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	folder := fmt.Sprintf("%s-sm_%d", strings.ReplaceAll(strings.ToLower(f.Library), " ", "-"), f.Capability)
	return filepath.Join(p.Dir, folder, f.Graph+"-"+hex.EncodeToString(sum[:8])+".plan"), nil
}

// facts are those of a graph.
func (p *Plans) facts(graph string, capability int) (Facts, error) {
	r := Recipe{}
	if p.Recipe != nil {
		var err error
		if r, err = p.Recipe(graph); err != nil {
			return Facts{}, err
		}
	}
	r.Model = graph
	return Facts{Graph: graph, Bundle: p.Digest, Library: p.Library, Capability: capability, Recipe: r}, nil
}

// Plan finds the plan of a graph for a device of a compute capability, or builds it. Two callers build it once.
func (p *Plans) Plan(ctx context.Context, graph string, capability int) (string, error) {
	f, err := p.facts(graph, capability)
	if err != nil {
		return "", err
	}
	path, err := p.path(f)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	if p.Builder == nil {
		return "", fmt.Errorf("%s has no plan of %s for sm_%d; `videosdgx models plan` builds it: %w", p.Library, graph, capability, errdefs.ErrNotFound)
	}
	return path, p.build(ctx, f, path)
}

func (p *Plans) build(ctx context.Context, f Facts, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make room for plans: %w", err)
	}
	r := f.Recipe
	if strings.HasPrefix(f.Library, string(RTX)+" ") {
		r.Capability = f.Capability
	}
	if err := p.Builder.Build(ctx, r, path, func(r Report) {
		if p.Tell != nil {
			p.Tell(f.Graph, r)
		}
	}); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".json", append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write what the plan depends on: %w", err)
	}
	return nil
}

// Discard removes a plan that turned out to be unfit.
func Discard(path string) error {
	return errors.Join(ignoreMissing(os.Remove(path)), ignoreMissing(os.Remove(path+".json")))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
