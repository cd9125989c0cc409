package main

import (
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/ltx2"
)

// codes are the products of a graph in a format that multiply FP8 codes.
func codes(t *testing.T, m *onnx.Model) (n int) {
	t.Helper()
	ops := map[string]int{}
	for _, node := range m.Graph.Nodes {
		ops[node.Op]++
		for _, a := range node.Attrs {
			if a.Name == "format" && a.S == "fp8" {
				n++
			}
		}
	}
	t.Logf("%s: %v", m.Graph.Name, ops)
	return n
}

// Every block's products become codes: 14 in each, of which none is a gate's or the sound's, and 7 in each of the text encoder's
// 48 layers. No other graph has any.
func TestForms(t *testing.T) {
	for _, release := range []string{"2.0", "2.3", ltx2.Tiny} {
		for _, format := range []string{"fp32", "fp16", "bf16", "fp8", "fp8bf16"} {
			w, err := ltx2.Published(release, 2)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]int{}
			if strings.HasPrefix(format, "fp8") {
				want = map[string]int{"transformer": 2 * 14, "text_encoder": 48 * 7}
			}
			for _, g := range w.Graphs() {
				m, err := graph(g, format)
				if err != nil {
					t.Fatal(err)
				}
				if n := codes(t, m); n != want[g.Name] && release != ltx2.Tiny {
					t.Errorf("%s %s: %d products of codes in %s, want %d", release, format, n, g.Name, want[g.Name])
				}
			}
		}
	}
}

// The graphs of the whole 19B are built in seconds, and their noise takes no more room than the largest weight.
func TestThePublishedShapesAreStored(t *testing.T) {
	w, err := ltx2.Published("2.0", 48)
	if err != nil {
		t.Fatal(err)
	}
	begin, weights := time.Now(), int64(0)
	for _, g := range w.Graphs() {
		m, err := graph(g, "fp8")
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.Graph.Initializers {
			if x := &m.Graph.Initializers[i]; x.Content != nil {
				weights += x.Bytes()
			}
		}
		if g.Name == "text_encoder" { // its table alone is 2 GB of BF16
			continue
		}
		if _, err := random.Store(t.TempDir(), g.Name+".onnx", m); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%.1f GB of weights in %.1f s", float64(weights)/1e9, time.Since(begin).Seconds())
	if weights < 30e9 {
		t.Errorf("only %d bytes of weights", weights)
	}
}
