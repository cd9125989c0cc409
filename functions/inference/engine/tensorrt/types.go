package tensorrt

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// dtypes are ONNX's names of TensorRT's element types, which every version numbers alike.
var dtypes = map[int]onnx.DType{
	0: onnx.Float32, 1: onnx.Float16, 2: onnx.Int8, 3: onnx.Int32, 4: onnx.Bool, 5: onnx.Uint8,
	6: onnx.Float8E4M3, 7: onnx.BFloat16, 8: onnx.Int64, 9: onnx.Int4, 10: onnx.Float4E2M1,
}

func dtype(port string, t int) (onnx.DType, error) {
	d, ok := dtypes[t]
	if !ok {
		return 0, fmt.Errorf("port %s has TensorRT's element type %d, which is not known: %w", port, t, errdefs.ErrNotImplemented)
	}
	return d, nil
}
