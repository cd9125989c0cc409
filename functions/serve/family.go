package serve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Family is all that a family of models hands over: its checkpoints are built, its bundles opened and its models planned and
// tried by that alone. What may be nil, the family cannot.
type Family struct {
	// Name is what the manifests of its bundles say.
	Name string
	// Classes are the _class_names in model_index.json of the checkpoints that Recipe takes. Families may share classes and
	// the recipe, which tells their checkpoints apart then.
	Classes []string
	Recipe  Recipe
	Open    Opener
	// Shapes are those of a bundle's graphs, known without running them: what TensorRT's plans are built for; may be nil.
	Shapes func(m weights.Manifest) (bundle.Shapes, error)
	// Random is a recipe of noise, shaped as a checkpoint and of at least size bytes of float32; may be nil.
	Random func(c *weights.Checkpoint, size int64) (bundle.Recipe, error)
	// Tiny writes a checkpoint of noise, some megabytes in the published layout, into a folder; may be nil.
	Tiny func(dir string) error
	// Presets are the published schedules of distilled models that its recipes know by name.
	Presets []string
}

// Families are looked through in their order.
type Families []Family

// Named is the family that manifests call so.
func (all Families) Named(name string) (Family, bool) {
	return all.first(func(f Family) bool { return f.Name == name })
}

// Of is the family that takes the checkpoint in a folder, by its class: NotImplemented where none does.
func (all Families) Of(checkpoint string) (Family, error) {
	class, err := weights.Class(checkpoint)
	if err != nil {
		return Family{}, err
	}
	if class == "" {
		return Family{}, fmt.Errorf("model_index.json of %s has no _class_name, which says what it is: fetch it again: %w", checkpoint, errdefs.ErrInvalidArgument)
	}
	f, ok := all.first(func(f Family) bool { return slices.Contains(f.Classes, class) })
	if !ok {
		return f, fmt.Errorf("%s is of the class %s; %s can be built: %w", checkpoint, class, strings.Join(all.classes(), ", "), errdefs.ErrNotImplemented)
	}
	return f, nil
}

// Names are those of the families that can do something.
func (all Families) Names(can func(f Family) bool) (names []string) {
	for _, f := range all {
		if can(f) {
			names = append(names, f.Name)
		}
	}
	return slices.Sorted(slices.Values(names))
}

// Presets are those of every family, each once.
func (all Families) Presets() (presets []string) {
	for _, f := range all {
		presets = append(presets, f.Presets...)
	}
	slices.Sort(presets)
	return slices.Compact(presets)
}

func (all Families) classes() (classes []string) {
	for _, f := range all {
		classes = append(classes, f.Classes...)
	}
	slices.Sort(classes)
	return slices.Compact(classes)
}

func (all Families) first(is func(f Family) bool) (Family, bool) {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], true
	}
	return Family{}, false
}
