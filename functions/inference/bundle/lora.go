package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
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
	LoRAs   []weights.LoRA
	changed map[string]func(tensor string) bool // by component
	files   []*lora.File
}

// Merge lays LoRAs over the weights of a recipe: what is built of it is merged first and quantized then.
func Merge(r Recipe, loras []LoRA) (m *Merging, err error) {
	m = &Merging{Recipe: r, changed: map[string]func(string) bool{}}
	defer func() {
		if err != nil {
			m.Close()
		}
	}()
	if len(r.Adapts) == 0 {
		return nil, fmt.Errorf("models of the family %s take no LoRA: %w", r.Family, errdefs.ErrNotImplemented)
	}
	applied := map[string][]lora.Applied{}
	for _, l := range loras {
		if err := m.open(l, applied); err != nil {
			return m, err
		}
	}
	for component, all := range applied {
		merged, err := lora.Merge(m.base(component), all...)
		if err != nil {
			return m, err
		}
		m.changed[component] = merged.Changed
		m.Weights = with(m.Weights, component, merged)
	}
	m.Identity = ""
	return m, nil
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
func (m *Merging) open(l LoRA, applied map[string][]lora.Applied) error {
	if l.Strength == 0 {
		return fmt.Errorf("LoRA %s at strength 0 changes nothing: leave it out: %w", filepath.Base(l.Path), errdefs.ErrInvalidArgument)
	}
	f, err := lora.Open(l.Path)
	if err != nil {
		return err
	}
	m.files = append(m.files, f)
	digest, err := lora.Digest(l.Path)
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
		m.LoRAs = append(m.LoRAs, weights.LoRA{Name: LoRAName(l.Path), Digest: digest, Strength: l.Strength, Component: component})
	}
	if m.Preset == nil {
		return nil
	}
	said, err := said(l.Path, f)
	if err != nil {
		return err
	}
	return m.Preset(&m.Recipe, said)
}

// said is a LoRA's header, and over it what the file NAME.json beside it says: what its maker left out, as JSON values by name.
func said(path string, f *lora.File) (map[string]string, error) {
	all := maps.Clone(f.Metadata())
	beside := strings.TrimSuffix(path, ".safetensors") + ".json"
	raw, err := os.ReadFile(beside)
	if errors.Is(err, os.ErrNotExist) || beside == path+".json" {
		return all, nil
	}
	var own map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(raw, &own)
	}
	if err != nil {
		return nil, fmt.Errorf("%s, which says how a LoRA is to be used, is no JSON object: %w: %w", beside, err, errdefs.ErrInvalidArgument)
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

// LoRAName is a LoRA's name: that of its file without the ending.
func LoRAName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".safetensors") }

// parts are the components that a file changes, and whether it calls them its second transformer.
func (m *Merging) parts(l LoRA, f *lora.File) (map[string]bool, error) {
	name, adapts := filepath.Base(l.Path), m.Adapts
	switch {
	case l.Component != "" && !slices.Contains(adapts, l.Component):
		return nil, fmt.Errorf("LoRA %s is for the component %q; %s would do: %w", name, l.Component, strings.Join(adapts, ", "), errdefs.ErrInvalidArgument)
	case l.Component != "" && f.HasSecond():
		return nil, fmt.Errorf("LoRA %s says itself which of its modules are whose: leave %q out: %w", name, l.Component+"=", errdefs.ErrInvalidArgument)
	case l.Component != "":
		return map[string]bool{l.Component: false}, nil
	case f.HasSecond() && len(adapts) < 2:
		return nil, fmt.Errorf("LoRA %s is for a model of two experts, and this one has one: %w", name, errdefs.ErrInvalidArgument)
	case f.HasSecond():
		parts := map[string]bool{adapts[1]: true}
		if f.HasFirst() {
			parts[adapts[0]] = false
		}
		return parts, nil
	case len(adapts) > 1:
		return nil, fmt.Errorf("this model has two experts, and LoRA %s does not say whose it is: write %s=%s for the one of high noise, %s=%s for the other: %w",
			name, adapts[0], name, adapts[1], name, errdefs.ErrInvalidArgument)
	}
	return map[string]bool{adapts[0]: false}, nil
}

// base is a component of the checkpoint, as LoRAs see it.
func (m *Merging) base(component string) lora.Base {
	if b, ok := m.Weights(component).(lora.Base); ok {
		return b
	}
	return &weights.Set{}
}

// Changed says whether a LoRA changes a tensor of a component.
func (m *Merging) Changed(component, tensor string) bool {
	changed := m.changed[component]
	return changed != nil && changed(tensor)
}

// Close closes the LoRAs' files.
func (m *Merging) Close() error {
	var errs []error
	for _, f := range m.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
