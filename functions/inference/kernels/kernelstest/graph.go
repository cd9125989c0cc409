package kernelstest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// Graph writes the model y = x·Wᵀ + bias to a temporary folder, the parts of q as pages of external data, and returns its
// path. A nil bias is none.
func Graph(t testing.TB, q *quant.Tensor, bias []float32, dynamic bool) string {
	t.Helper()
	b := onnx.NewBuilder("linear")
	x := b.Input("x", onnx.Float32, "rows", q.K)
	var data []byte
	var weights []onnx.Tensor
	values := map[string]onnx.Value{}
	for _, p := range q.Parts() {
		weights = append(weights, external(&data, "w"+p.Suffix, dtype(p.Float), p.Dims, p.Data))
		values[p.Suffix] = onnx.Value("w" + p.Suffix)
	}
	var biasValue onnx.Value
	if bias != nil {
		biasValue = b.Floats("bias", []int64{int64(len(bias))}, bias)
	}
	b.Output("y", quant.Linear(b, x, q, values, biasValue, dynamic), onnx.Float32, "rows", q.N)
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Initializers = append(m.Graph.Initializers, weights...)
	return write(t, m, data)
}

func dtype(float bool) onnx.DType {
	if float {
		return onnx.Float32
	}
	return onnx.Uint8
}

// external appends raw to data at the next page. The last part ends where the file does, so that a kernel that reads past
// the end of its weight is likely to be caught.
func external(data *[]byte, name string, t onnx.DType, dims []int64, raw []byte) onnx.Tensor {
	for len(*data)%onnx.PageSize != 0 {
		*data = append(*data, 0)
	}
	at := int64(len(*data))
	*data = append(*data, raw...)
	return onnx.Tensor{Name: name, Type: t, Dims: dims, External: &onnx.External{Location: "weights.bin", Offset: at, Length: int64(len(raw))}}
}

func write(t testing.TB, m *onnx.Model, data []byte) string {
	t.Helper()
	dir := t.TempDir()
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"graph.onnx": raw, "weights.bin": data} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "graph.onnx")
}
