package fuse

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

func TestHalvingRoundsToEvenWhateverThePieces(t *testing.T) {
	var in, want []byte
	for _, c := range []struct {
		v float32
		h uint16
	}{{1, 0x3f80}, {1 + 1.0/256, 0x3f80}, {1 + 3.0/256, 0x3f82}, {-2.5, 0xc020}, {float32(math.Inf(1)), 0x7f80}, {math.MaxFloat32, 0x7f80}} {
		in = binary.LittleEndian.AppendUint32(in, math.Float32bits(c.v))
		want = binary.LittleEndian.AppendUint16(want, c.h)
	}
	for piece := 1; piece <= len(in); piece++ {
		var got bytes.Buffer
		h := halver{to: &got}
		for at := 0; at < len(in); at += piece {
			if _, err := h.Write(in[at:min(at+piece, len(in))]); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("in pieces of %d: %x, expected %x", piece, got.Bytes(), want)
		}
	}
}

// FP16 ends at 65504: a weight beyond is told, and not made infinite.
func TestAWeightBeyondFP16IsTold(t *testing.T) {
	for v, good := range map[float32]bool{65504: true, -65504: true, 65505: false, -7e4: false, float32(math.Inf(1)): false} {
		h := halver{to: &bytes.Buffer{}, dtype: onnx.Float16, of: "blocks.3.weight"}
		_, err := h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
		if (err == nil) != good || !good && !strings.Contains(err.Error(), "blocks.3.weight") {
			t.Errorf("%g: %v", v, err)
		}
	}
}

// A weight whose values are all below what FP16 tells apart would be zeros, or noise: it is told. A few such values among others are
// nothing beside them, and an autoencoder, which has no other type, takes them.
func TestAWeightBelowFP16IsTold(t *testing.T) {
	const bf16Subnormal = 1e-39
	for _, c := range []struct {
		name       string
		dtype      onnx.DType
		clip, good bool
		values     []float32
	}{
		{"all too small", onnx.Float16, false, false, []float32{2e-8, -1e-9, bf16Subnormal}},
		{"subnormal in BF16", onnx.Float16, false, false, []float32{bf16Subnormal, -bf16Subnormal}},
		{"between FP16's least numbers", onnx.Float16, false, false, []float32{1.5 / (1 << 24), -2.5 / (1 << 24)}},
		{"some among others", onnx.Float16, false, true, []float32{2e-8, -1e-9, bf16Subnormal, 0.01}},
		{"subnormal and exact", onnx.Float16, false, true, []float32{3. / (1 << 24), -1. / (1 << 24)}},
		{"zeros", onnx.Float16, false, true, []float32{0, 0}},
		{"all too small in BF16", onnx.BFloat16, false, true, []float32{2e-8, bf16Subnormal}},
		{"an autoencoder's", onnx.Float16, true, true, []float32{2e-8}},
	} {
		var raw []byte
		for _, v := range c.values {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		content := func(to io.Writer) error { // in pieces that cut a number
			_, err := to.Write(raw[:3])
			if err == nil {
				_, err = to.Write(raw[3:])
			}
			return err
		}
		err := halving(content, c.dtype, "blocks.3.weight", c.clip)(io.Discard)
		if (err == nil) != c.good || !c.good && (!errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "blocks.3.weight") || !strings.Contains(err.Error(), "--activations bf16")) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// The next step is one that helps: what an autoencoder computes in is nobody's choice.
func TestWhatHoldsALargeWeightIsTold(t *testing.T) {
	for clip, want := range map[bool]string{false: "--activations bf16", true: "--engines cpu"} {
		h := halver{to: io.Discard, dtype: onnx.Float16, of: "w", clip: clip}
		if _, err := h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(7e4))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("an autoencoder's: %v: %v", clip, err)
		}
	}
}
