package lora

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/containerd/errdefs"
	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Applied is a LoRA at a strength.
type Applied struct {
	*Bound
	Strength float64
}

// Merged is a component with LoRAs merged in. Tensors that none changes are the component's own. Its methods may be called
// from several goroutines.
type Merged struct {
	Base
	applied []Applied
	changed map[string]bool

	mu     sync.Mutex
	loaded string // the tensor whose factors are in memory
	terms  []term
}

// Merge lays LoRAs over a component.
func Merge(base Base, applied ...Applied) (*Merged, error) {
	m := &Merged{Base: base, applied: applied, changed: map[string]bool{}}
	for _, a := range applied {
		for t := range a.changes {
			info, err := base.Info(t)
			if err != nil {
				return nil, err
			}
			if !wide(info.DType) {
				return nil, &Fault{Detail: fmt.Sprintf("the model's tensor %s is held as %s, into which no LoRA can be merged: its checkpoint in BF16 or wider would do", t, info.DType)}
			}
			m.changed[t] = true
		}
	}
	return m, nil
}

func wide(d weights.DType) bool {
	return d == weights.F64 || d == weights.F32 || d == weights.BF16 || d == weights.F16
}

// Changed says whether a LoRA changes a tensor.
func (m *Merged) Changed(tensor string) bool { return m.changed[tensor] }

// Raw reads a tensor as it lies in the checkpoint, for weights that are quantized there.
func (m *Merged) Raw(name string) ([]byte, error) {
	raw, ok := m.Base.(interface{ Raw(string) ([]byte, error) })
	if !ok {
		return nil, fmt.Errorf("tensor %s cannot be read as it lies: %w", name, errdefs.ErrNotImplemented)
	}
	return raw.Raw(name)
}

// term is one product, or one difference, in memory.
type term struct {
	scale    float32
	rank     int
	down, up []float32
	whole    []float32
}

// ReadFloat32 implements nn.Source: the base's values and what the LoRAs add to them.
func (m *Merged) ReadFloat32(name string, at int64, dst []float32) error {
	if err := m.Base.ReadFloat32(name, at, dst); err != nil || !m.changed[name] {
		return err
	}
	info, err := m.Info(name)
	if err != nil {
		return err
	}
	terms, err := m.load(name)
	if err != nil {
		return err
	}
	width := info.Elements() / max(info.Shape[0], 1)
	for _, t := range terms {
		t.addTo(dst, at, width)
	}
	for _, v := range dst {
		if v-v != 0 {
			return m.tooLarge(name)
		}
	}
	return nil
}

// tooLarge is the Fault of LoRAs that make more of a weight than float32 holds.
func (m *Merged) tooLarge(name string) error {
	for _, a := range m.applied {
		for _, c := range a.changes[name] {
			return a.file.bad("makes a weight (%s) larger than any number is, with its alpha and strength: a smaller strength may do, else fetch it again", c.module)
		}
	}
	return fmt.Errorf("tensor %s has values that are not finite: %w", name, errdefs.ErrDataLoss)
}

// load keeps the factors of one tensor: weights are read one after the other, each in pieces.
func (m *Merged) load(name string) ([]term, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.loaded == name {
		return m.terms, nil
	}
	m.loaded, m.terms = "", nil // no more than one tensor's are held
	var terms []term
	for _, a := range m.applied {
		for _, c := range a.changes[name] {
			t, err := a.file.term(c)
			if err != nil {
				return nil, err
			}
			t.scale = float32(a.Strength * c.scale)
			terms = append(terms, t)
		}
	}
	m.loaded, m.terms = name, terms
	return terms, nil
}

// Memory is how many bytes the factors of one tensor take at most: those of one are held at a time.
func (m *Merged) Memory() (most int64) {
	for name := range m.changed {
		n := int64(0)
		for _, a := range m.applied {
			for _, c := range a.changes[name] {
				n += a.file.floats(c)
			}
		}
		most = max(most, n)
	}
	return most
}

// floats is what a change takes in float32, in bytes.
func (l *File) floats(c change) (n int64) {
	for _, part := range []string{c.whole, c.down, c.up} {
		if info, err := l.f.Info(part); err == nil {
			n += 4 * info.Elements()
		}
	}
	return n
}

// term reads what a change is made of.
func (l *File) term(c change) (t term, err error) {
	t.rank = int(c.rank)
	for _, part := range []struct {
		name string
		to   *[]float32
	}{{c.whole, &t.whole}, {c.down, &t.down}, {c.up, &t.up}} {
		if part.name == "" {
			continue
		}
		if *part.to, err = l.f.Float32(part.name); err != nil {
			return t, err
		}
		for i, v := range *part.to {
			if v-v != 0 {
				return t, l.bad("has the value %v in %s at %d; weights must be finite, fetch it again", v, part.name, i)
			}
		}
	}
	return t, nil
}

// addTo adds the term to a piece of the tensor that begins at an element; rows are width wide.
func (t term) addTo(dst []float32, at, width int64) {
	if t.whole != nil {
		for i := range dst {
			dst[i] += t.scale * t.whole[at+int64(i)]
		}
		return
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := int64(0); i < int64(len(dst)); {
		row, col := (at+i)/width, (at+i)%width
		n := min(width-col, int64(len(dst))-i)
		piece := dst[i : i+n]
		group.Go(func() error { t.addRow(piece, row, col, width); return nil })
		i += n
	}
	_ = group.Wait() // addRow has no error
}

// addRow adds a part of a row: the sum over the rank is made first, and scaled once.
func (t term) addRow(dst []float32, row, col, width int64) {
	sum := make([]float32, len(dst))
	for r := range t.rank {
		u := t.up[int(row)*t.rank+r]
		from := t.down[int64(r)*width+col:]
		from = from[:len(sum)]
		for j, d := range from {
			sum[j] += u * d
		}
	}
	for j, s := range sum {
		dst[j] += t.scale * s
	}
}
