package ort

import (
	"fmt"
	"runtime"

	"github.com/containerd/errdefs"
	onnxruntime "github.com/yalue/onnxruntime_go"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// toValue wraps a tensor without copying it: its memory is pinned until the caller unpins.
func toValue(name string, t engine.Tensor, pins *runtime.Pinner) (onnxruntime.Value, error) {
	if err := t.Check(name); err != nil {
		return nil, err
	}
	switch d := t.Data.(type) {
	case []float32:
		return pinned(t.Shape, d, pins)
	case []int64:
		return pinned(t.Shape, d, pins)
	case []int32:
		return pinned(t.Shape, d, pins)
	case []uint8:
		return pinned(t.Shape, d, pins)
	case []bool:
		return pinned(t.Shape, d, pins)
	}
	return nil, fmt.Errorf("tensor %s: %T: %w", name, t.Data, errdefs.ErrNotImplemented)
}

func pinned[T onnxruntime.TensorData](shape []int64, data []T, pins *runtime.Pinner) (onnxruntime.Value, error) {
	if len(data) > 0 {
		pins.Pin(&data[0])
	}
	return onnxruntime.NewTensor(onnxruntime.NewShape(shape...), data)
}

// fromValue takes over the Go memory that the binding copied the result into.
func fromValue(v onnxruntime.Value) (engine.Tensor, error) {
	t := engine.Tensor{Shape: v.GetShape()}
	switch v := v.(type) {
	case *onnxruntime.Tensor[float32]:
		t.Data = v.GetData()
	case *onnxruntime.Tensor[int64]:
		t.Data = v.GetData()
	case *onnxruntime.Tensor[int32]:
		t.Data = v.GetData()
	case *onnxruntime.Tensor[uint8]:
		t.Data = v.GetData()
	case *onnxruntime.Tensor[bool]:
		t.Data = v.GetData()
	default:
		return t, fmt.Errorf("result of type %T: %w", v, errdefs.ErrNotImplemented)
	}
	return t, nil
}

func destroyAll(values []onnxruntime.Value) {
	for _, v := range values {
		if v != nil {
			_ = v.Destroy() // always nil for tensors
		}
	}
}
