package builder

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Options say where the parts of a recipe are.
type Options struct {
	Bin    string // folder that "bin:" names; default: the running binary's
	Prefix string // VideosDGX's own libraries; default /usr/local/lib/videosdgx
	// Progress, when set, hears how many bytes of how many have been read, for a layer's digest and again as it is written.
	Progress func(done, total int64)
}

func (o Options) withDefaults() (Options, error) {
	if o.Prefix == "" {
		o.Prefix = "/usr/local/lib/videosdgx"
	}
	if o.Bin == "" {
		exe, err := os.Executable()
		if err != nil {
			return o, err
		}
		o.Bin = filepath.Dir(exe)
	}
	return o, nil
}

// Build assembles the image that dir's recipe describes. The image reads its files as long as ctx lasts.
func Build(ctx context.Context, dir string, opts Options) (*Recipe, v1.Image, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, nil, err
	}
	recipe, err := ReadRecipe(dir)
	if err != nil {
		return nil, nil, err
	}
	libs, err := newResolver(opts.Prefix)
	if err != nil {
		return nil, nil, err
	}
	b := &build{ctx: ctx, dir: dir, opts: opts, libs: libs, have: map[string]bool{}}
	img, err := b.image(recipe)
	return recipe, img, err
}

type build struct {
	ctx  context.Context // of the call of Build, which outlives it in the image's layers
	dir  string
	read reading
	opts Options
	libs *resolver
	have map[string]bool // paths that a lower layer brought
}

func (b *build) image(r *Recipe) (v1.Image, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.ConfigFile(img, config(r))
	if err != nil {
		return nil, err
	}
	trees := make([]tree, len(r.Layers))
	for i, lr := range r.Layers {
		if trees[i], err = b.tree(lr); err != nil {
			return nil, fmt.Errorf("layer %d of %s: %w", i+1, r.Name, err)
		}
		b.read.total += 2 * trees[i].bytes()
	}
	b.read.ctx, b.read.tell = b.ctx, b.opts.Progress
	for _, t := range trees {
		l, err := t.layer(&b.read)
		if err != nil {
			return nil, err
		}
		if img, err = mutate.Append(img, mutate.Addendum{Layer: l, MediaType: types.OCIUncompressedLayer}); err != nil {
			return nil, err
		}
	}
	return img, nil
}

func config(r *Recipe) *v1.ConfigFile {
	env := []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
	for k, v := range r.Env {
		env = append(env, k+"="+v)
	}
	slices.Sort(env)
	return &v1.ConfigFile{
		Architecture: runtime.GOARCH, OS: "linux", RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{User: r.User, Entrypoint: r.Entrypoint, Cmd: r.Cmd, WorkingDir: r.WorkDir, Env: env, Labels: r.Labels},
	}
}

func (b *build) tree(lr LayerRecipe) (tree, error) {
	t := tree{}
	if lr.Base {
		base(t)
	}
	for _, p := range lr.Programs {
		from, err := program(b.ctx, p)
		if err != nil {
			return nil, err
		}
		if err := b.put(t, object{from, "/usr/bin/" + filepath.Base(p)}); err != nil {
			return nil, err
		}
		if isPython(p) {
			if err := b.putPython(t, from); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range lr.Files {
		from, err := b.source(f.From)
		if err != nil {
			return nil, err
		}
		add := b.put
		if isFolder(from) {
			add = func(t tree, o object) error { return b.putFolder(t, o, nil) }
		}
		if err := add(t, object{from, f.To}); err != nil {
			return nil, err
		}
	}
	for p := range t {
		b.have[p] = true
	}
	return t, nil
}

// source finds the host file or folder that a recipe's from means.
func (b *build) source(from string) (string, error) {
	kind, name, _ := strings.Cut(from, ":")
	path := from
	switch {
	case kind == "bin":
		path = filepath.Join(b.opts.Bin, name)
	case kind == "lib":
		o, err := b.libs.find(name, nil)
		return o.from, err
	case !filepath.IsAbs(from):
		path = filepath.Join(b.dir, from)
	}
	if !isFile(path) && !isFolder(path) {
		return "", fmt.Errorf("%s is missing; %s", path, remedy(kind, path))
	}
	return path, nil
}

// remedy says what brings a file or folder that a recipe names and that is not there.
func remedy(kind, path string) string {
	switch {
	case kind == "bin":
		return "run make build"
	case strings.HasPrefix(path, "/opt/videosdgx/gpu/"):
		return "run make setup-gpu"
	case strings.HasPrefix(path, "/opt/videosdgx/tensorrt/"):
		return "run make setup-tensorrt"
	}
	return "make it, or name another one: relative to the recipe, absolute, bin:NAME or lib:NAME"
}

// put adds a file and its libraries, but for what lower layers have.
func (b *build) put(t tree, o object) error {
	libs, err := b.libs.closure(o)
	if err != nil {
		return err
	}
	for i, f := range append([]object{o}, libs...) {
		if _, there := t[f.to]; b.have[f.to] || there && i > 0 {
			continue
		}
		st, err := os.Stat(f.from)
		if err != nil {
			return err
		}
		mode := int64(0o644)
		if st.Mode()&0o111 != 0 {
			mode = 0o755
		}
		t.add(entry{path: f.to, mode: mode, from: f.from})
	}
	return nil
}
