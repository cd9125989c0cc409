package wan21

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/compile"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/text"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Family is what the manifest of a Wan 2.1 bundle calls its model.
const Family = "wan21"

// BuildOptions say how a bundle is built.
type BuildOptions struct {
	// Name is the model's name in the manifest; by default the name of the checkpoint's folder.
	Name string
	// Optimiser rewrites the graphs; nil means ONNX Runtime.
	Optimiser compile.Optimiser
	// Progress hears how many bytes of the bundle have been hashed, its last and longest part.
	Progress func(done, total int64)
}

// Build turns the checkpoint in a diffusers layout at checkpointDir into a bundle at outDir. A bundle that is there is
// replaced, once the new one is complete; anything else in outDir's place is refused.
func Build(ctx context.Context, checkpointDir, outDir string, o BuildOptions) (weights.Manifest, error) {
	ckpt, err := weights.OpenCheckpoint(ctx, checkpointDir)
	if err != nil {
		return weights.Manifest{}, err
	}
	defer ckpt.Close()
	if o.Name == "" {
		o.Name = filepath.Base(filepath.Clean(checkpointDir))
	}
	in := checkpointInput(ckpt)
	return build(ctx, in, outDir, o)
}

// input is what a bundle is built from.
type input struct {
	configs   map[string]json.RawMessage
	defaults  json.RawMessage
	tokenizer string // folder
	source    sources
}

func checkpointInput(ckpt *weights.Checkpoint) input {
	in := input{tokenizer: filepath.Join(ckpt.Dir, "tokenizer"), defaults: ckpt.Index["defaults"], configs: map[string]json.RawMessage{}}
	for name, c := range ckpt.Components {
		if c.Config != nil {
			in.configs[name] = c.Config
		}
	}
	in.source = func(component string) nn.Source {
		if c := ckpt.Components[component]; c != nil {
			return c.Set
		}
		return &weights.Set{}
	}
	return in
}

func build(ctx context.Context, in input, outDir string, o BuildOptions) (m weights.Manifest, err error) {
	if o.Optimiser == nil {
		if o.Optimiser, err = ort.Load(); err != nil {
			return m, err
		}
	}
	c, err := parseConfigs(in.configs)
	if err != nil {
		return m, err
	}
	if _, err := text.Load(in.tokenizer); err != nil {
		return m, err
	}
	all, err := c.graphs(in.source)
	if err != nil {
		return m, err
	}
	return replaceBundle(outDir, func(dir string) error {
		if err := compileGraphs(ctx, dir, o.Optimiser, all); err != nil {
			return err
		}
		if err := copyTokenizer(in.tokenizer, filepath.Join(dir, "tokenizer")); err != nil {
			return err
		}
		m, err = weights.Seal(ctx, dir, weights.Manifest{Family: Family, Name: o.Name, Configs: in.configs, Defaults: in.defaults}, o.Progress)
		return err
	}, &m)
}

// replaceBundle has fill make the bundle in a folder beside dir and puts it in dir's place when it is complete.
func replaceBundle(dir string, fill func(string) error, m *weights.Manifest) (_ weights.Manifest, err error) {
	if err := replaceable(dir); err != nil {
		return *m, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return *m, fmt.Errorf("make the bundle's parent folder: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-")
	if err != nil {
		return *m, fmt.Errorf("make a folder for the new bundle: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	fresh := filepath.Join(tmp, "new")
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return *m, err
	}
	if err := fill(fresh); err != nil {
		return *m, fmt.Errorf("build bundle %s: %w", dir, err)
	}
	if err := os.Rename(dir, filepath.Join(tmp, "old")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return *m, fmt.Errorf("move the old bundle away: %w", err)
	}
	return *m, os.Rename(fresh, dir)
}

// replaceable says whether dir is free, empty, or a bundle.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("output %s: %w", dir, err)
	}
	if _, err := os.Stat(filepath.Join(dir, weights.ManifestName)); err != nil {
		return fmt.Errorf("%s has files in it and is no bundle; choose another output folder: %w", dir, errdefs.ErrAlreadyExists)
	}
	return nil
}

func copyTokenizer(from, to string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"} {
		raw, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, os.ErrNotExist) && name != "tokenizer.json" {
			continue
		}
		if err != nil {
			return fmt.Errorf("copy tokenizer: %w", err)
		}
		if err := os.WriteFile(filepath.Join(to, name), raw, 0o644); err != nil {
			return fmt.Errorf("copy tokenizer: %w", err)
		}
	}
	return nil
}
