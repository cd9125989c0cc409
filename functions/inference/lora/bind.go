package lora

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Base is what a LoRA is merged into: the weights of one component of a checkpoint.
type Base interface {
	nn.Source
	Names() []string
}

// Aliases gives the other names by which files call a module of the checkpoint.
type Aliases func(module string) []string

// change is what one module of a file does to one tensor.
type change struct {
	module   string
	down, up string  // factors in the file
	whole    string  // or the difference itself
	scale    float64 // alpha/rank
	rank     int64
}

// Bound is a LoRA whose modules have been found in a component.
type Bound struct {
	file    *File
	changes map[string][]change // by tensor of the component
}

// Bind finds every module of the file in a component, and checks that the factors fit. A file that changes anything else is
// refused: it is for another model. second binds what the file gives to a pipeline's second transformer instead.
func (l *File) Bind(base Base, aliases Aliases, second bool) (*Bound, error) {
	find := index(base.Names(), aliases)
	b := &Bound{file: l, changes: map[string][]change{}}
	var lost []string
	for _, name := range l.Modules() {
		own, is := l.own(name)
		if is != second {
			continue
		}
		module, ok := find[own]
		if !ok {
			lost = append(lost, name)
			continue
		}
		if err := b.add(base, name, module); err != nil {
			return nil, err
		}
	}
	switch n := len(l.modules); {
	case slices.ContainsFunc(lost, forTextEncoder):
		return nil, l.bad("changes the text encoder too (%s), which is not adapted here: take one that was trained on the transformer alone", lost[slices.IndexFunc(lost, forTextEncoder)])
	case len(lost) == n:
		return nil, l.bad("is for another model: none of its %d modules, such as %s, is one of this model's", n, lost[0])
	case len(lost) > 0:
		return nil, l.bad("changes %s, which this model does not have (%d of its %d modules): it is for another model of the kind", lost[0], len(lost), n)
	}
	return b, nil
}

// forTextEncoder tells the modules that kohya's and PEFT's trainers write for a text encoder.
func forTextEncoder(name string) bool {
	return strings.HasPrefix(name, "lora_te") || strings.HasPrefix(name, "text_encoder")
}

// own is a module's name within its transformer; true for the second one's.
func (l *File) own(name string) (string, bool) {
	rest, is := strings.CutPrefix(name, second)
	return rest, is
}

// HasSecond says whether the file gives something to a second transformer, and HasFirst whether to the first.
func (l *File) HasSecond() bool {
	return slices.ContainsFunc(l.Modules(), func(n string) bool { return strings.HasPrefix(n, second) })
}

// HasFirst says whether the file gives something to the first transformer.
func (l *File) HasFirst() bool {
	return slices.ContainsFunc(l.Modules(), func(n string) bool { return !strings.HasPrefix(n, second) })
}

// index finds modules of the component by every name that a file may give them.
func index(tensors []string, aliases Aliases) map[string]string {
	find := map[string]string{}
	for _, t := range tensors {
		module := strings.TrimSuffix(strings.TrimSuffix(t, ".weight"), ".bias")
		for _, name := range append([]string{module}, aliases(module)...) {
			find[name], find[strings.ReplaceAll(name, ".", "_")] = module, module
		}
	}
	return find
}

func (b *Bound) add(base Base, name, module string) error {
	m := b.file.modules[name]
	weight, bias := module+".weight", module+".bias"
	if _, err := base.Info(weight); err != nil {
		weight = module // a table, which has no name of its own below
	}
	scale, rank := 1.0, int64(0)
	for _, tensor := range []string{weight, bias} {
		if before := b.changes[tensor]; len(before) > 0 {
			return b.file.bad("changes %s twice, as %s and as %s: take a file that says it once", module, before[0].module, name)
		}
	}
	if m.down != "" {
		var err error
		if scale, rank, err = b.file.scaleOf(name, m); err != nil {
			return err
		}
		if err := b.file.fits(base, name, weight, m); err != nil {
			return err
		}
		b.put(weight, change{module: name, down: m.down, up: m.up, scale: scale, rank: rank})
	}
	for _, w := range []struct {
		whole, tensor string
		scale         float64
	}{{m.diff, weight, 1}, {m.diffBias, bias, 1}, {m.upBias, bias, scale}} {
		if w.whole == "" {
			continue
		}
		if err := b.file.sameSize(base, w.whole, w.tensor); err != nil {
			return err
		}
		b.put(w.tensor, change{module: name, whole: w.whole, scale: w.scale})
	}
	return nil
}

func (b *Bound) put(tensor string, c change) { b.changes[tensor] = append(b.changes[tensor], c) }

// scaleOf is alpha/rank of a module.
func (l *File) scaleOf(name string, m *module) (scale float64, rank int64, err error) {
	info, err := l.f.Info(m.down)
	if err != nil {
		return 0, 0, err
	}
	if len(info.Shape) < 2 || info.Shape[0] < 1 {
		return 0, 0, l.bad("has factors of the shape %v for %s: two dimensions are needed", info.Shape, name)
	}
	rank = info.Shape[0]
	if m.alpha == "" {
		own, is := l.own(name)
		component := "transformer"
		if is {
			component = "transformer_2"
		}
		return l.alphas.of(component).scale(own, rank), rank, nil
	}
	alpha, err := l.f.Float32(m.alpha)
	if err != nil {
		return 0, 0, err
	}
	if len(alpha) != 1 {
		return 0, 0, l.bad("has %d values as the alpha of %s: one is needed", len(alpha), name)
	}
	if alpha[0]-alpha[0] != 0 {
		return 0, 0, l.bad("has the alpha %v for %s: a finite number is needed, fetch it again", alpha[0], name)
	}
	return float64(alpha[0]) / float64(rank), rank, nil
}

// fits holds the factors [rank, in] and [out, rank] to the weight [out, in]; a convolution's kernel counts as its input.
func (l *File) fits(base Base, name, tensor string, m *module) error {
	info, err := base.Info(tensor)
	if err != nil {
		return err
	}
	down, err := l.f.Info(m.down)
	if err != nil {
		return err
	}
	up, err := l.f.Info(m.up)
	if err != nil {
		return err
	}
	if err := cmp.Or(l.floating(m.down, down), l.floating(m.up, up)); err != nil {
		return err
	}
	if len(info.Shape) < 2 || len(up.Shape) < 2 || up.Shape[0] != info.Shape[0] || up.Elements() != up.Shape[0]*down.Shape[0] ||
		down.Elements() != down.Shape[0]*info.Elements()/info.Shape[0] {
		return l.bad("has factors of %v and %v for %s, whose weight is %v in this model: it is for another size of the model", down.Shape, up.Shape, name, info.Shape)
	}
	return nil
}

func (l *File) sameSize(base Base, whole, tensor string) error {
	have, err := l.f.Info(whole)
	if err != nil {
		return err
	}
	if err := l.floating(whole, have); err != nil {
		return err
	}
	want, err := base.Info(tensor)
	if err != nil {
		return l.bad("changes %s, which this model does not have: it is for another model of the kind", tensor)
	}
	if have.Elements() != want.Elements() {
		return l.bad("has a difference of %v for %s, which is %v in this model: it is for another size of the model", have.Shape, tensor, want.Shape)
	}
	return nil
}

// floating refuses a tensor that holds no numbers of a floating-point type.
func (l *File) floating(name string, info weights.Info) error {
	if wide(info.DType) || info.DType == weights.F8E4M3 || info.DType == weights.F8E5M2 {
		return nil
	}
	return l.bad("holds %s as %s: numbers of a floating-point type are needed", name, info.DType)
}

// Tensors are those of the component that the LoRA changes, sorted.
func (b *Bound) Tensors() []string {
	all := make([]string, 0, len(b.changes))
	for t := range b.changes {
		all = append(all, t)
	}
	slices.Sort(all)
	return all
}

// String is the file's name and what it changes.
func (b *Bound) String() string {
	return fmt.Sprintf("%s (%s, %d tensors)", b.file.Path(), b.file.Layout(), len(b.changes))
}
