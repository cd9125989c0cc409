package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/lora"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// LoRA is one that a bundle shall have merged in.
type LoRA struct {
	Path      string
	Strength  float64
	Component string // "": what the file itself says, else the first that the family adapts
}

// Merging is a recipe whose weights have LoRAs merged in, and what they change.
type Merging struct {
	Recipe
	LoRAs  []weights.LoRA
	merged map[string]*lora.Merged // by component, or variant
	files  []opened
	plain  Recipe // without what LoRAs say of their use
	steps  string // the LoRA that has said it
}

// opened is a LoRA's file, and what it was by content before anything was read of it.
type opened struct {
	*lora.File
	digest, beside string
}

// Merge lays LoRAs over the weights of a recipe: what is built of it is merged first and quantized then. What is wrong with the
// LoRAs is a *lora.Fault.
func Merge(ctx context.Context, r Recipe, loras []LoRA) (m *Merging, err error) {
	m = &Merging{Recipe: r, plain: r, merged: map[string]*lora.Merged{}}
	defer func() {
		if err != nil {
			m.Close()
		}
	}()
	if len(r.Adapts) == 0 {
		return m, &lora.Fault{Detail: fmt.Sprintf("models of the family %s take no LoRA", r.Family), Class: errdefs.ErrNotImplemented}
	}
	applied := map[string][]lora.Applied{}
	for _, l := range loras {
		if err := m.open(ctx, l, applied); err != nil {
			return m, err
		}
	}
	for component, all := range applied {
		if v := m.variant(component); v != nil { // beside those of what it varies
			all = append(slices.Clone(applied[v.Of.Component]), all...)
		}
		if m.merged[component], err = lora.Merge(m.base(component), all...); err != nil {
			return m, err
		}
	}
	for component, merged := range m.merged {
		m.Weights = with(m.Weights, component, merged)
	}
	for _, v := range m.Variants {
		if m.merged[v.Name] != nil {
			m.Graphs = append(slices.Clone(m.Graphs), Graph{Name: v.Name, Component: v.Name, Build: v.Of.Build, of: &v.Of})
		}
	}
	m.Identity, m.Unchanged = "", m.unchanged(r.Unchanged)
	return m, nil
}

// unchanged says whether checkpoint and LoRAs are still what they were when they were opened: LoRAs to the last byte.
func (m *Merging) unchanged(checkpoint func() error) func() error {
	return func() error {
		for _, f := range m.files {
			digest, beside, err := f.Identity(context.Background()) //nolint:contextcheck // files that have been read just now
			if err == nil && (digest != f.digest || beside != f.beside) {
				err = lora.Changing(f.Path())
			}
			if err != nil {
				return err
			}
		}
		if checkpoint == nil {
			return nil
		}
		return checkpoint()
	}
}

func with(before func(string) nn.Source, component string, src nn.Source) func(string) nn.Source {
	return func(c string) nn.Source {
		if c == component {
			return src
		}
		return before(c)
	}
}

// open opens one LoRA and binds it to the components that it changes.
func (m *Merging) open(ctx context.Context, l LoRA, applied map[string][]lora.Applied) error {
	if l.Strength == 0 {
		return lora.Refuse(l.Path, "at strength 0 changes nothing: leave it out")
	}
	f, err := lora.Open(l.Path)
	if err != nil {
		return err
	}
	digest, beside, err := f.Identity(ctx)
	m.files = append(m.files, opened{f, digest, beside})
	if err != nil {
		return err
	}
	parts, err := m.parts(l, f)
	if err != nil {
		return err
	}
	for component, second := range parts {
		bound, err := f.Bind(m.base(component), m.Aliases, second)
		if err != nil {
			return err
		}
		applied[component] = append(applied[component], lora.Applied{Bound: bound, Strength: l.Strength})
		m.LoRAs = append(m.LoRAs, weights.LoRA{Name: LoRAName(l.Path), Digest: digest, Beside: beside, Strength: l.Strength, Component: component})
	}
	if m.Preset == nil || m.variant(l.Component) != nil { // what it says of steps is not the whole model's
		return nil
	}
	said, err := said(l.Path, f)
	if err != nil {
		return err
	}
	return m.use(l.Path, said)
}

// use has the recipe be used as a LoRA says. Two that say different things contradict each other, whichever comes first.
func (m *Merging) use(path string, said map[string]string) error {
	own := m.plain
	own.Configs = maps.Clone(own.Configs)
	err := m.Preset(&own, said)
	if errdefs.IsInvalidArgument(err) {
		return lora.Refuse(path, "cannot be used as it says: %s", strings.TrimSuffix(err.Error(), ": "+errdefs.ErrInvalidArgument.Error()))
	}
	if err != nil || own.usedAs(m.plain) {
		return err
	}
	if m.steps != "" && !own.usedAs(m.Recipe) {
		return lora.Refuse(path, "is made for other steps than LoRA %s: take one of the two", filepath.Base(m.steps))
	}
	m.Recipe, m.steps = own, path
	return nil
}

// usedAs says whether two recipes of one model make the same of a request.
func (r Recipe) usedAs(other Recipe) bool {
	same := func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }
	return maps.EqualFunc(r.Configs, other.Configs, same) && same(r.Defaults, other.Defaults)
}

// On is the recipe for a bundle that is derived of base: used as that is, which its builder may have said.
func (r Recipe) On(base weights.Manifest) Recipe {
	r.Configs = maps.Clone(r.Configs)
	if delete(r.Configs, pipelinePart); base.Configs[pipelinePart] != nil {
		r.Configs[pipelinePart] = base.Configs[pipelinePart]
	}
	r.Defaults, r.Schema = base.Defaults, base.Schema
	return r
}

// pipelinePart is the configuration that says how a pipeline uses its components: a preset may change it.
const pipelinePart = "pipeline"

// said is a LoRA's header, and over it what the file NAME.json beside it says: what its maker left out, as JSON values by name.
func said(path string, f *lora.File) (map[string]string, error) {
	all := maps.Clone(f.Metadata())
	beside := weights.Companion(path)
	raw, err := weights.ReadBeside(beside)
	if raw == nil && err == nil {
		return all, nil
	}
	var own map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(raw, &own)
	}
	if err != nil {
		return nil, lora.Refuse(path, "has the file %s beside it, which says how it is to be used, and that is no JSON object: %s", filepath.Base(beside), why(beside, err))
	}
	for name, v := range own {
		var text string
		if json.Unmarshal(v, &text) != nil {
			text = string(v)
		}
		all[name] = text
	}
	return all, nil
}

// why is an error of a file's content without its path.
func why(path string, err error) string {
	return strings.TrimPrefix(err.Error(), path+": ")
}

// LoRAName is a LoRA's name: that of its file without the ending.
func LoRAName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".safetensors") }

// parts are the components that a file changes, and whether it calls them its second transformer.
func (m *Merging) parts(l LoRA, f *lora.File) (map[string]bool, error) {
	adapts := m.Adapts
	if m.variant(l.Component) != nil {
		adapts = []string{l.Component}
	}
	switch {
	case l.Component != "" && !slices.Contains(adapts, l.Component):
		for _, v := range m.Variants {
			adapts = append(slices.Clone(adapts), v.Name)
		}
		return nil, lora.Refuse(l.Path, "is for the component %q; %s would do", l.Component, strings.Join(adapts, ", "))
	case l.Component != "" && f.HasSecond():
		return nil, lora.Refuse(l.Path, "says itself which of its modules are whose: leave its component, %s, out", l.Component)
	case l.Component != "":
		return map[string]bool{l.Component: false}, nil
	case f.HasSecond() && len(adapts) < 2:
		return nil, lora.Refuse(l.Path, "is for a model of two experts, and this one has one")
	case f.HasSecond():
		parts := map[string]bool{adapts[1]: true}
		if f.HasFirst() {
			parts[adapts[0]] = false
		}
		return parts, nil
	case len(adapts) > 1:
		return nil, lora.Refuse(l.Path, "does not say which of this model's two experts it changes: name its component, %s for the one of high noise or %s for the other", adapts[0], adapts[1])
	}
	return map[string]bool{adapts[0]: false}, nil
}

// variant is the one of a name, if there is one.
func (m *Merging) variant(name string) *Variant {
	if i := slices.IndexFunc(m.Variants, func(v Variant) bool { return v.Name == name }); i >= 0 {
		return &m.Variants[i]
	}
	return nil
}

// base is a component of the checkpoint, as LoRAs see it.
func (m *Merging) base(component string) lora.Base {
	if v := m.variant(component); v != nil {
		component = v.Of.Component
	}
	if b, ok := m.Weights(component).(lora.Base); ok {
		return b
	}
	return &weights.Set{}
}

// Changed says whether a LoRA changes a tensor of a component.
func (m *Merging) Changed(component, tensor string) bool {
	merged := m.merged[component]
	return merged != nil && merged.Changed(tensor)
}

// Planned is what the LoRAs make of a plan of the merging.
func (m *Merging) Planned(p Plan) *Merged {
	out := &Merged{LoRAs: m.LoRAs}
	for _, t := range p.Tensors {
		if m.Changed(t.Component, t.Name) {
			out.Tensors++
			out.Own += t.Bytes
		}
	}
	for _, merged := range m.merged {
		out.Memory += merged.Memory()
	}
	return out
}

// Close closes the LoRAs' files.
func (m *Merging) Close() error {
	var errs []error
	for _, f := range m.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
