package nn

import (
	"bytes"
	"io"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// TestScalesLeaveOnceTheyAreWritten builds weights of every format, writes their parts in the graph's order, as a bundle does,
// and looks for a weight that still holds its scales. A part that is asked for once more is the same.
func TestScalesLeaveOnceTheyAreWritten(t *testing.T) {
	for _, f := range quant.Formats() {
		for _, o := range []quant.Options{{}, {Double: f == quant.NF4}, {Asymmetric: f == quant.INT8 || f == quant.INT4}} {
			q := Quantized{Format: f, Options: o}
			l := Linear{Component: "c", Name: "fc", In: 70, Out: 5}
			parts, err := quant.Sizes(f, o, 5, 70)
			if err != nil {
				t.Fatal(err)
			}
			enc := newEncoding(New("g", "c", Options{Weights: shapes{"fc.weight": {5, 70}}}), l, q, parts)
			first := map[string][]byte{}
			for i, p := range parts {
				first[p.Suffix] = written(t, enc, p)
				if last := i == len(parts)-1; last != (enc.t == nil) {
					t.Errorf("%s %+v: after %s (last: %v) the weight holds %v", f, o, p.Suffix, last, enc.t)
				}
			}
			for _, p := range parts {
				if again := written(t, enc, p); !bytes.Equal(again, first[p.Suffix]) {
					t.Errorf("%s %+v: %s differs when it is written again", f, o, p.Suffix)
				}
			}
		}
	}
}

func written(t *testing.T, e *encoding, p quant.Part) []byte {
	t.Helper()
	var raw bytes.Buffer
	if err := e.content(p.Suffix)(&raw); err != nil {
		t.Fatal(err)
	}
	if int64(raw.Len()) != p.Bytes() {
		t.Fatalf("%s has %d bytes, want %d", p.Suffix, raw.Len(), p.Bytes())
	}
	return raw.Bytes()
}

// TestPartsAreWrittenInOrder is what lets scales leave: codes come first in a model, and the part that lets go last.
func TestPartsAreWrittenInOrder(t *testing.T) {
	n := New("g", "c", Options{Weights: shapes{"fc.weight": {5, 70}}, Policy: Policy{Linear: func(Linear) Format {
		return Quantized{Format: quant.NF4, Options: quant.Options{Double: true}}
	}}})
	x := n.Input("x", onnx.Float32, "rows", 70)
	n.Output("y", n.Dense(x, "fc", 70, 5, false), onnx.Float32, "rows", 5)
	m, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	parts, err := quant.Sizes(quant.NF4, quant.Options{Double: true}, 5, 70)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for _, w := range m.Graph.Initializers {
		if w.Content == nil {
			continue
		}
		if want := "c/fc.weight" + parts[i].Suffix; w.Name != want {
			t.Errorf("weight %d is %s, want %s", i, w.Name, want)
		}
		if _, err := w.WriteTo(io.Discard); err != nil {
			t.Error(err)
		}
		i++
	}
	if i != len(parts) {
		t.Errorf("%d parts, want %d", i, len(parts))
	}
}
