// Package random gives a graph weights that are noise: what a graph costs depends on its weights' being random, not on what a
// model has learnt.
package random

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// All weights come from one row of random numbers, in each format's own type: a weight starts at a place in the row that its
// name says, so that the formats hold the same weights. What a product costs depends on its operands' being random, not on
// their differing from layer to layer; every layer still has its own copy on the device.
const (
	row    = 4 << 20  // numbers, then they repeat
	starts = 64       // places that a weight may start at
	spread = 32 << 10 // numbers between them
	sigma  = .02      // standard deviation
)

// Scale8 is the scale of FP8 weights.
const Scale8 = 5.5 * sigma / 448

// pool is a file of the row in one type, times scale, plus mean.
type pool struct {
	name        string
	dtype       weights.DType
	scale, mean float32
	bytes       int64    // the most that a weight asked for
	links       []string // names of the file
}

func pools() map[string]*pool {
	return map[string]*pool{
		"weight": {name: "f32.bin", dtype: weights.F32, scale: sigma},
		"gain":   {name: "gain.bin", dtype: weights.F32, scale: sigma, mean: 1},
		"bf16":   {name: "bf16.bin", dtype: weights.BF16, scale: sigma},
		"fp16":   {name: "fp16.bin", dtype: weights.F16, scale: sigma},
		"fp8":    {name: "fp8.bin", dtype: weights.F8E4M3, scale: sigma / Scale8},
	}
}

// kind is the pool that a weight comes from.
func kind(t *onnx.Tensor, format map[string]string) string {
	switch {
	case strings.HasSuffix(t.Name, ".codes"):
		return format[t.Name]
	case t.Type == onnx.BFloat16:
		return "bf16"
	case t.Type == onnx.Float16:
		return "fp16"
	case len(t.Dims) == 1 && strings.Contains(t.Name, "norm") && strings.HasSuffix(t.Name, ".weight"), strings.HasSuffix(t.Name, ".gamma"):
		return "gain"
	}
	return "weight"
}

// start is where in the row a weight begins.
func start(name string) int64 {
	h := fnv.New32()
	h.Write([]byte(strings.NewReplacer(".bf16", "", ".fp16", "", ".codes", "").Replace(name)))
	return int64(h.Sum32()%starts) * spread
}

// place has a weight of the graph of a name lie in the pool. Weights share its bytes and the engines want no two to overlap in a file,
// so that each has a name of its own for it.
func (p *pool) place(graph string, t *onnx.Tensor) {
	size := int64(map[weights.DType]int{weights.F32: 4, weights.BF16: 2, weights.F16: 2, weights.F8E4M3: 1}[p.dtype])
	x := &onnx.External{Location: fmt.Sprintf("%s.%d.%s", graph, len(p.links), p.name), Offset: start(t.Name) * size, Length: t.Bytes()}
	p.links = append(p.links, x.Location)
	p.bytes = max(p.bytes, x.Offset+x.Length)
	t.External, t.Content, t.Raw = x, nil, nil
}

// Store gives every weight of m that has no content of its own a place in a file of random numbers in dir, and writes m there
// as name. It returns the path. FP8 and BF16 codes are told apart by the format of the node that takes them.
func Store(dir, name string, m *onnx.Model) (path string, err error) {
	formats := map[string]string{}
	for _, n := range m.Graph.Nodes {
		for _, in := range n.Inputs {
			if strings.HasSuffix(in, ".codes") {
				formats[in] = format(n)
			}
		}
	}
	all := pools()
	for i := range m.Graph.Initializers {
		if t := &m.Graph.Initializers[i]; t.Content != nil {
			all[kind(t, formats)].place(name, t)
		}
	}
	for _, p := range all {
		if err := p.write(dir); err != nil {
			return "", err
		}
	}
	raw, err := m.Encode()
	path = filepath.Join(dir, name)
	return path, errors.Join(err, os.WriteFile(path, raw, 0o600))
}

func format(n onnx.Node) string {
	for _, a := range n.Attrs {
		if a.Name == "format" {
			return a.S
		}
	}
	return ""
}

// write makes the file, unless another graph's has all of it, and gives it its names. Another graph that is open keeps what it has.
func (p *pool) write(dir string) error {
	path := filepath.Join(dir, p.name)
	if st, err := os.Stat(path); p.bytes > 0 && (err != nil || st.Size() < p.bytes) {
		if err := errors.Join(p.fill(path+".new"), os.Rename(path+".new", path)); err != nil {
			return err
		}
	}
	for _, name := range p.links {
		link := filepath.Join(dir, name)
		if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Link(path, link); err != nil {
			return err
		}
	}
	return nil
}

func (p *pool) fill(path string) error {
	r, values := rand.New(rand.NewPCG(1, 2)), make([]float32, row)
	for i := range values {
		values[i] = p.mean + p.scale*max(-5, min(5, float32(r.NormFloat64())))
	}
	unit, err := weights.Encode(p.dtype, values)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for left := p.bytes; left > 0 && err == nil; left -= int64(len(unit)) {
		_, err = f.Write(unit[:min(left, int64(len(unit)))])
	}
	return errors.Join(err, f.Close())
}
