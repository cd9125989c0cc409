package upload

import (
	"reflect"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

func weight(name string, t onnx.DType, elements int64, file string, at int64) onnx.Tensor {
	return onnx.Tensor{Name: name, Type: t, Dims: []int64{elements}, External: &onnx.External{Location: file, Offset: at, Length: t.Size(elements)}}
}

func TestAWeightLiesInTheBlockAsInItsFile(t *testing.T) {
	m := &onnx.Model{Graph: onnx.Graph{
		Inputs:  []onnx.ValueInfo{{Name: "overridable"}},
		Outputs: []onnx.ValueInfo{{Name: "handed out"}},
		Initializers: []onnx.Tensor{
			weight("second", onnx.Float32, 5000, "a", 8192),
			weight("first", onnx.BFloat16, 3, "a", 4096),
			weight("alias", onnx.BFloat16, 3, "a", 4096),
			weight("far", onnx.Uint8, 10, "a", 1<<30),
			weight("other", onnx.Int64, 1, "b", 0),
			weight("overridable", onnx.Float32, 1, "c", 0),
			weight("handed out", onnx.Float32, 1, "c", 4096),
			weight("packed", onnx.Int4, 2, "c", 8192),
			weight("flags", onnx.Bool, 2, "c", 12288),
			weight("none", onnx.Float32, 0, "c", 16384),
			{Name: "inline", Type: onnx.Float32, Dims: []int64{1}, Raw: []byte{0, 0, 0, 0}},
		}}}
	got := Of(m, "dir")
	want := Plan{
		Places: []Place{
			{"first", onnx.BFloat16, []int64{3}, 0, 6}, {"alias", onnx.BFloat16, []int64{3}, 0, 6},
			{"second", onnx.Float32, []int64{5000}, 4096, 20000},
			{"far", onnx.Uint8, []int64{10}, 24576, 10}, {"other", onnx.Int64, []int64{1}, 28672, 8},
		},
		Spans: []Span{{"dir/a", 4096, 24096, 0}, {"dir/a", 1 << 30, 10, 24576}, {"dir/b", 0, 8, 28672}},
		Bytes: 32768,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}
