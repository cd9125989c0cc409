package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/functions/inference/lora"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// DerivedData is the file of the weights that a derived bundle has of its own.
const DerivedData = "lora.bin"

// DerivedFolder is where, in a folder of bundles, those lie that requests have asked for, each under its key.
const DerivedFolder = "derived"

// DerivedFrom is what a bundle of these LoRAs is to a base: its Key is where it may be found again.
func (m *Merging) DerivedFrom(base *weights.Bundle) weights.Derived {
	d := weights.Derived{Base: base.Manifest.Digest, LoRAs: append([]weights.LoRA(nil), m.LoRAs...)}
	d.Sort()
	return d
}

// Derive makes, at dir, the bundle that Build would make of the merging with base's precision, and stores only the weights
// that differ from base's: all other files are hard links, so base must lie on the same file system. base must be verified
// and made of the same checkpoint, which is checked on a few weights.
func Derive(ctx context.Context, m *Merging, base *weights.Bundle, dir string, o Options, v weights.VerifyOptions) (man weights.Manifest, err error) {
	if err := m.derivable(base); err != nil {
		return man, err
	}
	o.Precision, o.Activations = base.Precision, activationsOf(base.Manifest)
	policy, err := o.policy(m.Recipe)
	if err != nil {
		return man, err
	}
	built, err := buildAll(m.Recipe, presentIn(base, m.Recipe, o.Targets), policy, o.typeOf(m.Recipe))
	if err != nil {
		return man, err
	}
	derived := m.DerivedFrom(base)
	err = replace(dir, "", func(fresh, journal string) error {
		if err := m.fill(ctx, base, built, fresh, journal); err != nil {
			return err
		}
		man = base.Manifest
		man.Configs, man.Defaults, man.Schema, man.Derived = m.Configs, m.Defaults, m.Schema, &derived
		if man, err = weights.SealDerived(ctx, fresh, man, base, v); err != nil {
			return err
		}
		return m.Unchanged()
	})
	if err == nil || context.Cause(ctx) != nil {
		return man, err
	}
	if changed := m.Unchanged(); changed != nil { // which is why it failed
		return man, changed
	}
	return man, err
}

// derivable compares what the checkpoint and the base say of themselves.
func (m *Merging) derivable(base *weights.Bundle) error {
	switch {
	case base.Derived != nil:
		return fmt.Errorf("bundle %s has LoRAs merged in already: name its base, and all LoRAs at once: %w", base.Dir, errdefs.ErrInvalidArgument)
	case base.Family != m.Family:
		return fmt.Errorf("bundle %s is of the family %s, the checkpoint of %s: %w", base.Dir, base.Family, m.Family, errdefs.ErrInvalidArgument)
	}
	for name, raw := range base.Configs {
		var a, b any
		if name == pipelinePart { // the derived bundle has the base's
			continue
		}
		if err := errors.Join(json.Unmarshal(raw, &a), json.Unmarshal(m.Configs[name], &b)); err != nil || !reflect.DeepEqual(a, b) {
			return fmt.Errorf("bundle %s was built from another checkpoint: their configurations of %s differ: %w", base.Dir, name, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}

// presentIn are the targets that the base has graphs for.
func presentIn(base *weights.Bundle, r Recipe, all []Target) (have []Target) {
	for _, t := range all {
		if _, err := base.Path(GraphFile(r.Graphs[0].Name, t.Engine)); err == nil {
			have = append(have, t)
		}
	}
	return have
}

// fill links what stays and writes what changes.
func (m *Merging) fill(ctx context.Context, base *weights.Bundle, all []built, fresh, journal string) (err error) {
	data, err := onnx.ResumeData(filepath.Join(fresh, DerivedData), journal)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	rewritten, touched := map[string]bool{}, []string(nil)
	for i := range all {
		b := &all[i]
		changed := m.changedIn(b)
		if len(changed) == 0 {
			continue
		}
		if err := m.rewrite(ctx, base, b, changed, data, fresh); err != nil {
			return fmt.Errorf("graph %s: %w", b.name, err)
		}
		rewritten[b.name] = true
		graph, _, _ := strings.Cut(b.name, ".")
		touched = append(touched, graph+".")
	}
	if len(rewritten) == 0 {
		return &lora.Fault{Detail: "the LoRAs change nothing that this model computes with: leave them out"}
	}
	for _, f := range base.Files {
		if rewritten[f.Path] || made(f.Path, touched) {
			continue
		}
		if err := link(filepath.Join(base.Dir, f.Path), filepath.Join(fresh, f.Path)); err != nil {
			return err
		}
	}
	return nil
}

// made says whether a file, such as a plan, was made of a graph that changes; its own graph is told apart before.
func made(path string, graphs []string) bool {
	for _, g := range graphs {
		if strings.HasPrefix(path, g) {
			return true
		}
	}
	return false
}

func link(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	err := os.Link(from, to)
	if errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOTSUP) {
		return fmt.Errorf("a bundle with LoRAs shares files with its base by hard links, which %s cannot have here: put it on the base's file system (%w): %w", filepath.Dir(to), err, errdefs.ErrFailedPrecondition)
	}
	return err
}

// changedIn are the weights of a graph that LoRAs change, by name.
func (m *Merging) changedIn(b *built) map[string]*onnx.Tensor {
	changed := map[string]*onnx.Tensor{}
	for i := range b.model.Graph.Initializers {
		t := &b.model.Graph.Initializers[i]
		component, tensor, ok := strings.Cut(weightOf(t.Name), "/")
		if b.graph.of != nil {
			component = b.graph.Component
		}
		if ok && t.Content != nil && m.Changed(component, tensor) {
			changed[t.Name] = t
		}
	}
	return changed
}

// inlineBelow is the size under which the compiler leaves a weight in its graph.
const inlineBelow = onnx.PageSize

// rewrite gives the base's graph, which was optimised without seeing a weight, the changed ones.
func (m *Merging) rewrite(ctx context.Context, base *weights.Bundle, b *built, changed map[string]*onnx.Tensor, data *onnx.DataFile, fresh string) error {
	from := b.name
	if b.graph.of != nil {
		from = GraphFile(b.graph.of.Name, b.target.Engine)
	}
	raw, err := os.ReadFile(filepath.Join(base.Dir, from))
	if err != nil {
		return err
	}
	graph, err := onnx.Decode(raw)
	if err != nil {
		return err
	}
	if err := sameWeights(base, graph, b, changed); err != nil {
		return err
	}
	left := len(changed)
	for i := range graph.Graph.Initializers {
		t := &graph.Graph.Initializers[i]
		fresh := changed[t.Name]
		if fresh == nil {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		left--
		if fresh.Bytes() != t.Bytes() || fresh.Type != t.Type {
			return otherVersion(base, t.Name)
		}
		if err := renew(t, fresh, data, b.graph); err != nil {
			return unheld(err)
		}
	}
	if left != 0 {
		return otherVersion(base, "")
	}
	if raw, err = graph.Encode(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(fresh, b.name), raw, 0o644)
}

func otherVersion(base *weights.Bundle, tensor string) error {
	return fmt.Errorf("bundle %s was built by another version of this program (its weight %s is held otherwise): build it again: %w", base.Dir, tensor, errdefs.ErrFailedPrecondition)
}

// renew gives a graph's weight other values. The file of data has each name once: a variant's weights are called after it there.
func renew(t, fresh *onnx.Tensor, data *onnx.DataFile, g Graph) error {
	if fresh.Bytes() >= inlineBelow {
		copied := *fresh
		if g.of != nil {
			copied.Name = g.Name + "/" + copied.Name
		}
		if err := data.Add(&copied); err != nil {
			return err
		}
		t.External, t.Raw = copied.External, nil
		return nil
	}
	var raw bytes.Buffer
	if _, err := fresh.WriteTo(&raw); err != nil {
		return err
	}
	t.Raw, t.External = raw.Bytes(), nil
	return nil
}

// compared is how many weights that no LoRA changes are held to the base's.
const compared = 3

// sameWeights makes sure that the base was built from this checkpoint.
func sameWeights(base *weights.Bundle, graph *onnx.Model, b *built, changed map[string]*onnx.Tensor) error {
	have := map[string]*onnx.Tensor{}
	for i := range graph.Graph.Initializers {
		t := &graph.Graph.Initializers[i]
		have[t.Name] = t
	}
	n := 0
	for i := range b.model.Graph.Initializers {
		want := &b.model.Graph.Initializers[i]
		t := have[want.Name]
		if want.Content == nil || changed[want.Name] != nil || t == nil || want.Bytes() > 1<<20 {
			continue
		}
		var raw bytes.Buffer
		if _, err := want.WriteTo(&raw); err != nil {
			return err
		}
		stored, err := contentOf(base, t)
		if err != nil {
			return err
		}
		if !bytes.Equal(stored, raw.Bytes()) {
			return fmt.Errorf("bundle %s was built from another checkpoint: their weights %s differ: %w", base.Dir, want.Name, errdefs.ErrInvalidArgument)
		}
		if n++; n == compared {
			break
		}
	}
	return nil
}

func contentOf(base *weights.Bundle, t *onnx.Tensor) ([]byte, error) {
	if t.External == nil {
		return t.Raw, nil
	}
	f, err := os.Open(filepath.Join(base.Dir, t.External.Location))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw := make([]byte, t.External.Length)
	_, err = f.ReadAt(raw, t.External.Offset)
	return raw, err
}
