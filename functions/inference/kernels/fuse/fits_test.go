package fuse_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// product is a graph of one linear layer, whose weight a policy makes or a checkpoint has.
func product(t *testing.T, tensors []weights.Tensor, format nn.Format, as onnx.DType, codes bool) *onnx.Model {
	t.Helper()
	dir := t.TempDir()
	if err := weights.Write(filepath.Join(dir, "m.safetensors"), tensors, nil); err != nil {
		t.Fatal(err)
	}
	src, err := weights.OpenSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	n := nn.New("g", "c", nn.Options{Weights: src, Policy: nn.Policy{Linear: func(nn.Linear) nn.Format { return format }}})
	x := n.Input("x", onnx.Float32, "batch", "rows", 64)
	n.SetBatch(x)
	n.Output("y", n.Mul(n.Linear(x, "fc", 64, 32, false), n.Float(2)), onnx.Float32, "batch", "rows", 32)
	m, err := n.Model()
	if err == nil {
		err = fuse.CUDA(m, fuse.Options{Type: as, Codes: codes})
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// writtenOut writes every weight, as a build does.
func writtenOut(m *onnx.Model) error {
	for i := range m.Graph.Initializers {
		if w := &m.Graph.Initializers[i]; w.Content != nil {
			if _, err := w.WriteTo(new(bytes.Buffer)); err != nil {
				return err
			}
		}
	}
	return nil
}

// A weight that FP16 does not hold is refused when it is written, in whatever format it is quantized, and its codes have what was to be
// written else.
func TestAQuantizedWeightBeyondFP16IsTold(t *testing.T) {
	forms := map[string]nn.Format{"plain": nn.Plain{}, "double": nn.Quantized{Format: quant.NF4, Options: quant.Options{Double: true}},
		"asymmetric": nn.Quantized{Format: quant.INT8, Options: quant.Options{Asymmetric: true}}, "rows": nn.Quantized{Format: quant.FP8, Options: quant.Options{PerChannel: true}}}
	for _, f := range quant.Formats() {
		if f != quant.BF16 {
			forms[string(f)] = nn.Quantized{Format: f}
		}
	}
	for name, f := range forms {
		for _, largest := range []float32{6e4, 7.5e4} {
			v := noise.Normal(3, 32*64)
			v[100] = largest
			tensors := []weights.Tensor{weights.Float32Tensor("fc.weight", []int64{32, 64}, v)}
			for _, codes := range []bool{false, true} {
				err := writtenOut(product(t, tensors, f, onnx.Float16, codes))
				if good := largest < 65504; (err == nil) != good || !good && (!errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "fc.weight") || !strings.Contains(err.Error(), "--activations bf16") || strings.Contains(err.Error(), "\n")) {
					t.Errorf("%s, largest %g, codes %v: %v", name, largest, codes, err)
				}
			}
			if err := writtenOut(product(t, tensors, f, onnx.BFloat16, false)); err != nil {
				t.Errorf("%s in BF16: %v", name, err)
			}
		}
	}
}

// What a scale could make of a code does not count, only what it makes of those that are there.
func TestALargeScaleOfSmallCodesIsTaken(t *testing.T) {
	for code, good := range map[byte]bool{0x38: true, 0x7e: false} { // 1 and 448
		codes := bytes.Repeat([]byte{0x38}, 32*64)
		codes[7] = code
		tensors := []weights.Tensor{{Name: "fc.weight", DType: weights.F8E4M3, Shape: []int64{32, 64}, Data: codes}, weights.Float32Tensor("fc.scale_weight", []int64{1}, []float32{1000})}
		err := writtenOut(product(t, tensors, nil, onnx.Float16, true))
		if (err == nil) != good || !good && !strings.Contains(err.Error(), fmt.Sprint("448000")) {
			t.Errorf("code %x: %v", code, err)
		}
	}
}

// What is looked at is written all the same.
func TestWhatIsLookedAtIsWritten(t *testing.T) {
	tensors := []weights.Tensor{weights.Float32Tensor("fc.weight", []int64{32, 64}, noise.Normal(3, 32*64))}
	for _, f := range []nn.Format{nn.Quantized{Format: quant.NVFP4}, nn.Quantized{Format: quant.NF4, Options: quant.Options{Double: true}}} {
		all := map[onnx.DType]map[string][]byte{}
		for _, as := range []onnx.DType{onnx.Float16, onnx.BFloat16} {
			all[as] = map[string][]byte{}
			m := product(t, tensors, f, as, false)
			for i := range m.Graph.Initializers {
				if w := &m.Graph.Initializers[i]; w.Content != nil {
					var b bytes.Buffer
					if _, err := w.WriteTo(&b); err != nil {
						t.Fatal(err)
					}
					all[as][w.Name] = b.Bytes()
				}
			}
		}
		if len(all[onnx.Float16]) < 3 {
			t.Errorf("%s: %d parts", f, len(all[onnx.Float16]))
		}
		for name, want := range all[onnx.BFloat16] {
			if !bytes.Equal(all[onnx.Float16][name], want) {
				t.Errorf("%s: %s differs", f, name)
			}
		}
	}
}
