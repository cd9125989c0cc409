package fuse

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

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
