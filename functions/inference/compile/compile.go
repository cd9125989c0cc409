// Package compile turns built graphs into the files of a bundle: each graph optimised ahead of time, the weights of all of
// them once, on page boundaries of one data file.
//
// The optimiser never sees a weight. Weights are inputs of the graph that it is given, and become initializers again
// afterwards: what it folds is constants of the formula, what it fuses is structure, and building a bundle of any size
// takes the time of copying its weights.
package compile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// DataName is the file of weights inside a bundle.
const DataName = "weights.bin"

// inlineBelow is the size in bytes under which a weight lies in the graph file: less than a page is not worth a mapping.
const inlineBelow = onnx.PageSize

// Optimiser rewrites the model file at from into to.
type Optimiser interface {
	Optimise(ctx context.Context, from, to string) error
}

// Writer writes the graphs of one bundle.
type Writer struct {
	dir   string
	data  *onnx.DataFile
	opt   Optimiser
	wrote func(name string, bytes int64)
	small map[string][]byte // content of weights that lie in graphs, for the next graph that has them
}

// Resume opens the data file in dir, which must exist, where an earlier writer may have left off, as its journal says; without
// a journal it begins anew. Graphs are stored as they were built: With names an optimiser.
func Resume(dir, journal string) (*Writer, error) {
	data, err := onnx.ResumeData(filepath.Join(dir, DataName), journal)
	if err != nil {
		return nil, err
	}
	return &Writer{dir: dir, data: data, small: map[string][]byte{}}, nil
}

// Count is a writer that reads and writes no weight: the graphs alone are stored in dir, as long as they would be in a bundle.
func Count(dir string) *Writer {
	return &Writer{dir: dir, data: onnx.CountData(DataName), small: map[string][]byte{}}
}

// Size is the bytes of the data file so far, its last page filled.
func (w *Writer) Size() int64 { return w.data.Size() }

// Wrote has f hear the size in bytes of every weight in the data file, as it is done or found done.
func (w *Writer) Wrote(f func(name string, bytes int64)) { w.wrote = f }

// With is the same bundle's writer with another optimiser.
func (w *Writer) With(opt Optimiser) *Writer {
	c := *w
	c.opt = opt
	return &c
}

// Add optimises m and stores it as the file name, its weights in the data file.
func (w *Writer) Add(ctx context.Context, name string, m *onnx.Model) error {
	if err := w.add(ctx, name, m); err != nil {
		return fmt.Errorf("compile graph %s: %w", name, err)
	}
	return nil
}

func (w *Writer) add(ctx context.Context, name string, m *onnx.Model) error {
	weights := takeWeights(m)
	if w.opt != nil {
		var err error
		if m, err = w.optimise(ctx, m, weights); err != nil {
			return err
		}
	}
	if err := w.store(ctx, weights); err != nil {
		return err
	}
	m.Graph.Initializers = append(m.Graph.Initializers, weights...)
	raw, err := m.Encode()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.dir, name), raw, 0o644)
}

// takeWeights removes the tensors that come from a checkpoint from m; the constants of the graph stay.
func takeWeights(m *onnx.Model) (weights []onnx.Tensor) {
	var rest []onnx.Tensor
	for _, t := range m.Graph.Initializers {
		if t.Content != nil {
			weights = append(weights, t)
		} else {
			rest = append(rest, t)
		}
	}
	m.Graph.Initializers = rest
	return weights
}

func (w *Writer) optimise(ctx context.Context, m *onnx.Model, weights []onnx.Tensor) (_ *onnx.Model, err error) {
	dir, err := os.MkdirTemp(w.dir, ".optimise-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	inputs := m.Graph.Inputs
	m.Graph.Inputs = slices.Concat(inputs, asInputs(weights))
	raw, err := m.Encode()
	if err != nil {
		return nil, err
	}
	from, to := filepath.Join(dir, "from.onnx"), filepath.Join(dir, "to.onnx")
	if err := os.WriteFile(from, raw, 0o600); err != nil {
		return nil, err
	}
	if err := w.opt.Optimise(ctx, from, to); err != nil {
		return nil, err
	}
	if raw, err = os.ReadFile(to); err != nil {
		return nil, err
	}
	better, err := onnx.Decode(raw)
	if err != nil {
		return nil, err
	}
	better.Graph.Inputs, better.Graph.Values = inputs, nil
	return better, nil
}

func asInputs(weights []onnx.Tensor) []onnx.ValueInfo {
	infos := make([]onnx.ValueInfo, len(weights))
	for i, t := range weights {
		infos[i] = onnx.ValueInfo{Name: t.Name, Type: t.Type}
		for _, d := range t.Dims {
			infos[i].Dims = append(infos[i].Dims, onnx.Dim{Size: d})
		}
	}
	return infos
}

func (w *Writer) store(ctx context.Context, weights []onnx.Tensor) error {
	for i := range weights {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		t := &weights[i]
		if t.Bytes() >= inlineBelow {
			if err := w.data.Add(t); err != nil {
				return err
			}
			if w.wrote != nil {
				w.wrote(t.Name, t.Bytes())
			}
			continue
		}
		if w.small[t.Name] == nil {
			raw, err := w.content(t)
			if err != nil {
				return err
			}
			w.small[t.Name] = raw
		}
		t.Raw, t.Content = w.small[t.Name], nil
	}
	return nil
}

// content is that of a small weight; zeros where it is counted only.
func (w *Writer) content(t *onnx.Tensor) ([]byte, error) {
	if w.data.Counts() {
		return make([]byte, t.Bytes()), nil
	}
	var raw bytes.Buffer
	_, err := t.WriteTo(&raw)
	return raw.Bytes(), err
}

// Close finishes the data file.
func (w *Writer) Close() error { return w.data.Close() }
