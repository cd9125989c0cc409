package tensorrt

import (
	"context"
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
// that another TensorRT, another GPU, other shapes or other weights never find it; beside each lies what it was built of, and
// its checksum. What is damaged, cut off or half written is removed and built again.
type Plans struct {
	Dir     string
	Library string // that runs the plans, as Library.Name gives it
	Digest  string // of the bundle that the graphs are of
	// Recipe says how a graph is built; nil builds it as it is.
	Recipe func(graph string) (Recipe, error)
	// Builder builds what is missing; nil: what is missing is NotFound.
	Builder *Builder
	// Again builds anew what is there: under the folder's lock, where no other process is building it.
	Again bool
	// Tell hears how a build comes along.
	Tell func(graph string, r Report)

	mu sync.Mutex // one build at a time: each takes the whole GPU's attention
}

var _ Planner = (*Plans)(nil)

// Facts are what a plan depends on, and what is known of it. They lie beside it as JSON.
type Facts struct {
	Graph   string `json:"graph"`
	Bundle  string `json:"bundle"`
	Library string `json:"library"`
	Target  Target `json:"target"`
	Recipe  Recipe `json:"recipe"`

	Bytes   int64   `json:"bytes,omitempty"`
	Sum     string  `json:"crc32c,omitempty"`
	Seconds float64 `json:"seconds,omitempty"` // that building it took
	// Compared is the verdict of the comparison with the other engine, as whoever made it writes it; empty: none was made. A plan
	// serves only once it was accepted.
	Compared string `json:"compared,omitempty"`
	Accepted bool   `json:"accepted,omitempty"`
}

// Fact gives what a plan of a graph would depend on, and where it would lie.
func (p *Plans) Fact(graph string, on Target) (f Facts, path string, err error) {
	r := Recipe{}
	if p.Recipe != nil {
		if r, err = p.Recipe(graph); err != nil {
			return f, "", err
		}
	}
	r.Model = graph
	if p.rtx() {
		on.Name, on.Driver, r.Capability = "", "", on.Capability
	}
	f = Facts{Graph: graph, Bundle: p.Digest, Library: p.Library, Target: on, Recipe: r}
	path, err = p.path(f)
	return f, path, err
}

func (p *Plans) rtx() bool { return strings.HasPrefix(p.Library, string(RTX)+" ") }

// Plan finds the plan of a graph for a GPU, or builds it. Two callers build it once.
func (p *Plans) Plan(ctx context.Context, graph string, on Target) (string, error) {
	f, path, err := p.Fact(graph, on)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := Known(path); err == nil && !p.Again {
		tidy(filepath.Dir(path))
		return path, nil
	} else if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsDataLoss(err) {
		return "", err
	}
	if p.Builder == nil {
		return "", fmt.Errorf("%s has no plan of %s for sm_%d; `videosdgx models plan` builds it: %w", p.Library, graph, on.Capability, errdefs.ErrNotFound)
	}
	return path, p.build(ctx, f, path)
}

// Accept writes down what a comparison of a plan came to: of the one with the checksum plan, which was read from path.
// FailedPrecondition: another is there by now, as where a second process has built it again.
func Accept(path, plan, compared string, ok bool) error {
	f, err := stillThere(path, plan)
	if err != nil {
		return err
	}
	f.Compared, f.Accepted = compared, ok
	return f.write(path)
}

// Discard removes a plan that turned out to be unfit, what was compiled of it and how fast it was.
func Discard(path string) error {
	err := errors.Join(os.RemoveAll(path+factsEnding), os.RemoveAll(path))
	for _, ending := range []string{compiledEnding, speedEnding} {
		beside, _ := filepath.Glob(path + ".*" + ending) // the pattern is well formed
		for _, b := range beside {
			err = errors.Join(err, os.RemoveAll(b))
		}
	}
	return err
}

func (p *Plans) say(graph, format string, a ...any) {
	if p.Tell != nil {
		p.Tell(graph, Report{Said: fmt.Sprintf(format, a...)})
	}
}

// build makes room, holds the folder so that two processes do not build at once, and builds what is still missing then. A folder in
// which nothing came of it goes again.
func (p *Plans) build(ctx context.Context, f Facts, path string) (err error) {
	dir := filepath.Dir(path)
	_, there := os.Stat(p.Dir)
	release, err := makeRoom(ctx, dir, sync.OnceFunc(func() { p.say(f.Graph, "another process builds plans in %s: waiting for it to end", dir) }))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && os.Remove(dir) == nil && errors.Is(there, fs.ErrNotExist) { // which no folder is with something in it
			_ = os.Remove(p.Dir)
		}
		release()
	}()
	if _, err := Known(path); err == nil && !p.Again {
		return nil // another process has built it
	}
	if err := errors.Join(sweep(dir), Discard(path)); err != nil {
		return fmt.Errorf("clear the folder of plans: %w", err)
	}
	took, err := p.run(ctx, f, path)
	if err != nil {
		return err
	}
	f.Seconds = took.Seconds()
	if f.Bytes, f.Sum, err = sum(path); err == nil {
		err = f.write(path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write down what the plan depends on: %w", err), Discard(path))
	}
	return nil
}
