package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// layer is a product with a weight of n rows of k values.
type layer struct{ n, k int }

// kind is a way to run a layer: the library's own product in float32, or a quantized one.
type kind struct {
	name    string
	format  quant.Format // empty: float32
	options quant.Options
	dynamic bool
	matmul  bool // float32 as MatMul of a weight [k, n]; otherwise as Gemm of one [n, k]
}

var kinds = []kind{
	{name: "fp32_gemm"}, {name: "fp32_matmul", matmul: true},
	{name: "bf16", format: quant.BF16}, {name: "fp8", format: quant.FP8}, {name: "nf4", format: quant.NF4}, {name: "nvfp4", format: quant.NVFP4},
	{name: "int8", format: quant.INT8, dynamic: true}, {name: "int4", format: quant.INT4, dynamic: true},
	{name: "int8_exact", format: quant.INT8}, {name: "int4_exact", format: quant.INT4},
}

// model is a chain of layers being written: the graph, and its weights in a file of pages.
type model struct {
	b       *onnx.Builder
	weights []onnx.Tensor
	file    *os.File
	data    *bufio.Writer
	size    int64
}

// write stores the chain of layers in dir and returns the graph's path and the bytes of its weights.
func write(dir string, layers []layer, k kind) (path string, bytes int64, err error) {
	f, err := os.Create(filepath.Join(dir, k.name+".bin"))
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	m := &model{b: onnx.NewBuilder(k.name), file: f, data: bufio.NewWriterSize(f, 1<<20)}
	x := m.b.Input("x", onnx.Float32, "rows", layers[0].k)
	for i, l := range layers {
		if x, err = m.add(fmt.Sprintf("w%d", i), x, l, k); err != nil {
			return "", 0, err
		}
	}
	m.b.Output("y", x, onnx.Float32, "rows", layers[len(layers)-1].n)
	path = filepath.Join(dir, k.name+".onnx")
	return path, m.size, m.close(path)
}

func (m *model) add(name string, x onnx.Value, l layer, k kind) (onnx.Value, error) {
	w := noise(l.n, l.k)
	if k.format != "" {
		q, err := quant.Encode(name, k.format, k.options, w, l.n, l.k)
		if err != nil {
			return "", err
		}
		parts := map[string]onnx.Value{}
		for _, p := range q.Parts() {
			t := onnx.Uint8
			if p.Float {
				t = onnx.Float32
			}
			if parts[p.Suffix], err = m.weight(name+p.Suffix, t, p.Dims, p.Data); err != nil {
				return "", err
			}
		}
		return quant.Linear(m.b, x, q, parts, "", k.dynamic), nil
	}
	dims := []int64{int64(l.n), int64(l.k)}
	if k.matmul {
		dims[0], dims[1] = dims[1], dims[0] // noise has no direction: no need to transpose it
	}
	v, err := m.weight(name, onnx.Float32, dims, raw(w))
	if k.matmul {
		return m.b.MatMul(x, v), err
	}
	return m.b.Op("Gemm", []onnx.Value{x, v}, onnx.Int("transB", 1)), err
}

func (m *model) weight(name string, t onnx.DType, dims []int64, content []byte) (onnx.Value, error) {
	x := onnx.External{Location: filepath.Base(m.file.Name()), Offset: m.size, Length: int64(len(content))}
	m.weights = append(m.weights, onnx.Tensor{Name: name, Type: t, Dims: dims, External: &x})
	pad := -len(content) & (onnx.PageSize - 1)
	m.size += int64(len(content) + pad)
	if _, err := m.data.Write(content); err != nil {
		return "", err
	}
	_, err := m.data.Write(make([]byte, pad))
	return onnx.Value(name), err
}

func (m *model) close(path string) error {
	g, err := m.b.Model()
	if err != nil {
		return err
	}
	g.Graph.Initializers = append(g.Graph.Initializers, m.weights...)
	if err := m.data.Flush(); err != nil {
		return err
	}
	encoded, err := g.Encode()
	if err != nil {
		return err
	}
	return os.WriteFile(path, encoded, 0o600)
}
