// Package bundle makes models ready to be served, and opens them. A Recipe is what a model family makes of a checkpoint;
// Build turns it into a folder with every weight once, one small graph for each component and engine, and a manifest. A
// Model is such a folder and the engine that runs it.
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// DistilledKey is where a LoRA's header, the file NAME.json beside it, or a checkpoint's model_index.json says how a distilled
// model is walked: in a preset's name, or as its family writes such walks in JSON.
const DistilledKey = "distilled"

// Recipe says what a bundle is made of.
type Recipe struct {
	Family   string                     // of models, such as "wan21"
	Name     string                     // of this one
	Configs  map[string]json.RawMessage // by component
	Defaults json.RawMessage            // of a request
	Schema   json.RawMessage            // of a request, JSON Schema
	License  *weights.License           // of the weights; nil: the checkpoint names none
	// Precision is the one that this family's bundles have unless something else is asked for; empty means "none".
	Precision string
	// Blackwell is the one for GPUs of compute capability 10.0 and later; empty: Precision there too.
	Blackwell string
	// Transformers are the components whose activations on a GPU are Options.Activations; those of all others are BF16, an
	// autoencoder's FP16.
	Transformers []string
	// Half is what Options.Activations is by default, and Because why; empty: BF16.
	Half, Because string
	// Keep says which linear layers stay BF16 whatever the precision, beside those that Quantize keeps; nil: none.
	Keep    func(l nn.Linear) bool
	Graphs  []Graph
	Weights func(component string) nn.Source
	Files   []File
	// Adapts are the components that LoRAs change, the first unless a file says another; none: this family takes no LoRA.
	Adapts []string
	// Variants are graphs that a bundle has only where a LoRA is for them.
	Variants []Variant
	// Aliases are the names by which LoRA files call a module of those components, beside its own.
	Aliases func(module string) []string
	// Preset has the bundle's configurations say how many steps a distilled LoRA wants, given its header, which tells of it under
	// DistilledKey; nil: no preset.
	Preset func(r *Recipe, metadata map[string]string) error
	// Sizes are the sizes of the graphs' named dimensions for a clip, by graph; nil when a plan cannot count memory.
	Sizes func(c ClipSize) map[string]map[string]int64
	// Held counts what stays on the device between the runs of a clip; nil: nothing does.
	Held func(c ClipSize) []weights.Held
	// Clip is the request that a plan counts memory for by default: the model's own defaults.
	Clip ClipSize
	// Identity stands for the checkpoint's content, so that an interrupted build goes on only with the same; empty: it does not.
	Identity string
	// Unchanged says whether the checkpoint is still the one that the recipe was made of; nil: it cannot change.
	Unchanged func() error
}

// Graph is one graph of a model. Build is called once for each engine.
type Graph struct {
	Name      string // of its file, without the engine and ".onnx"
	Component string // of the checkpoint, whose weights it uses
	Build     func(o nn.Options) (*nn.Net, error)

	of *Graph // that it is a variant of; its weights have that one's names
}

// Variant is a graph once more, beside itself, with weights that LoRAs have changed; of these the bundle has both.
type Variant struct {
	Name string // of its graph, and the component that a LoRA for it is given
	Of   Graph
}

// File is copied into the bundle as it is.
type File struct{ From, To string }

// FromCheckpoint is the part of a recipe that every checkpoint in the diffusers layout gives: configurations, the request's
// defaults, weights by component, and the files of its tokenizers.
func FromCheckpoint(family string, c *weights.Checkpoint) Recipe {
	r := Recipe{Family: family, Name: filepath.Base(filepath.Clean(c.Dir)), Configs: map[string]json.RawMessage{}, Defaults: c.Index["defaults"], License: licenseOf(c)}
	for name, part := range c.Components {
		if part.Config != nil {
			r.Configs[name] = part.Config
		}
		r.Files = append(r.Files, tokenizerFiles(part.Dir, name)...)
	}
	r.Identity = identity(c)
	r.Unchanged = unchanged(c, r.Identity)
	r.Weights = func(component string) nn.Source {
		if part := c.Components[component]; part != nil {
			return part.Set
		}
		return &weights.Set{}
	}
	return r
}

// identity is the names, sizes and times of the checkpoint's weights.
func identity(c *weights.Checkpoint) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.Components)) {
		for _, f := range c.Components[name].Files() {
			st, err := os.Stat(f.Path())
			if err != nil {
				return ""
			}
			fmt.Fprintln(h, f.Path(), st.Size(), st.ModTime().UnixNano())
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// unchanged compares the checkpoint's weights with what they were.
func unchanged(c *weights.Checkpoint, before string) func() error {
	return func() error {
		if identity(c) == before {
			return nil
		}
		return fmt.Errorf("the weights in %s changed while they were read: build again once nothing writes there: %w", c.Dir, errdefs.ErrFailedPrecondition)
	}
}

// tokenizerFiles are those of a component that is a tokenizer, to lie in the folder to.
func tokenizerFiles(from, to string) (files []File) {
	is := func(name string) bool { _, err := os.Stat(filepath.Join(from, name)); return err == nil }
	if !is("tokenizer.json") && !is("tokenizer.model") {
		return nil
	}
	for _, name := range []string{"tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json"} {
		if is(name) {
			files = append(files, File{From: filepath.Join(from, name), To: filepath.Join(to, name)})
		}
	}
	return files
}
