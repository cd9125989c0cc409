package engine

import (
	"unsafe"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// element is a type that a Tensor can hold.
type element struct {
	dtype onnx.DType
	make  func(n int64) any
	view  func(data any) (n int, memory []byte, ok bool)
}

var elements = []element{
	elementOf[float32](onnx.Float32), elementOf[float64](onnx.Float64), elementOf[int64](onnx.Int64), elementOf[int32](onnx.Int32),
	elementOf[int8](onnx.Int8), elementOf[uint8](onnx.Uint8), elementOf[bool](onnx.Bool),
	elementOf[BFloat16](onnx.BFloat16), elementOf[Float16](onnx.Float16),
	elementOf[Float8E4M3](onnx.Float8E4M3), elementOf[Float8E5M2](onnx.Float8E5M2),
}

func elementOf[T any](t onnx.DType) element {
	return element{
		dtype: t,
		make:  func(n int64) any { return make([]T, n) },
		view: func(data any) (int, []byte, bool) {
			v, ok := data.([]T)
			if !ok {
				return 0, nil, false
			}
			var one T
			return len(v), unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(one))), true
		},
	}
}

// look finds what Data is.
func (t Tensor) look() (element, int, []byte) {
	for _, e := range elements {
		if n, memory, ok := e.view(t.Data); ok {
			return e, n, memory
		}
	}
	return element{}, -1, nil
}
