package footprint

import (
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

const mib = 1 << 20

// Counted by hand, in MiB: 300 and 200 are regions; when both are free 100 takes the smaller and leaves the rest of it, 250 the
// larger; 400 fits nowhere, and is a region of its own.
func TestAnArenaGrowsByWhatFitsNowhere(t *testing.T) {
	var a Arena
	x, y := a.take(300*mib), a.take(200*mib)
	a.give(x)
	a.give(y)
	small := a.take(100 * mib)
	if small.in != y.in || a.take(100*mib).in != y.in {
		t.Error("the smallest free piece was not taken")
	}
	if a.take(250*mib).in != x.in || a.Bytes() != 500*mib {
		t.Errorf("%d bytes", a.Bytes())
	}
	a.take(400 * mib)
	if a.Bytes() != 900*mib || a.Peak() != 900*mib {
		t.Errorf("%d bytes", a.Bytes())
	}
}

func TestNeighboursJoinAndRegionsGoBack(t *testing.T) {
	a := Arena{First: 300 * mib}
	x, y, z := a.take(100*mib), a.take(100*mib), a.take(100*mib)
	if a.Bytes() != 300*mib {
		t.Fatalf("%d bytes", a.Bytes())
	}
	a.give(x)
	a.give(z)
	a.give(y)
	if p := a.take(300 * mib); a.Bytes() != 300*mib {
		t.Error("free neighbours were not joined")
	} else {
		a.give(p)
	}
	kept := a.take(mib)
	if a.Shrink(); a.Bytes() != 300*mib {
		t.Error("a region that is used went back")
	}
	a.give(kept)
	if a.Shrink(); a.Bytes() != 0 || a.Peak() != 300*mib {
		t.Errorf("%d bytes, %d at most", a.Bytes(), a.Peak())
	}
}

// A state stays with the arena that made it, and the run that takes it may write the next one over it.
func TestStatesStayBetweenRuns(t *testing.T) {
	first := model(t, func(b *onnx.Builder) {
		b.Output("s.next", b.Add(b.Input("x", onnx.Float32, "n"), b.Input("y", onnx.Float32, "n")), onnx.Float32, "n")
	})
	later := &onnx.Model{}
	info := func(name string) onnx.ValueInfo {
		return onnx.ValueInfo{Name: name, Type: onnx.Float32, Dims: onnx.Dims("n")}
	}
	later.Graph.Inputs, later.Graph.Outputs = []onnx.ValueInfo{info("s")}, []onnx.ValueInfo{info("s.next")}
	later.Graph.Nodes = []onnx.Node{{Name: "c", Op: "Cast", Inputs: []string{"s"}, Outputs: []string{"s.next"}, Attrs: []onnx.Attr{onnx.Int("to", 1)}}}
	state := func(o string) bool { return strings.HasSuffix(o, ".next") }
	dims := map[string]int64{"n": 64 * mib / 4}
	var one, two Arena
	made, err := one.Run(first, dims, nil, state, nil)
	if err != nil {
		t.Fatal(err)
	}
	if one.Bytes() != 128*mib { // x and y; the sum lies where one of them was
		t.Errorf("the first run took %d bytes", one.Bytes())
	}
	states := Held{"s": made["s.next"]}
	after, err := two.Run(later, dims, states, state, map[string]string{"s.next": "s"})
	if err != nil {
		t.Fatal(err)
	}
	if two.Bytes() != 0 {
		t.Errorf("a state that is written over the last one took %d bytes", two.Bytes())
	}
	after.Free()
	if one.Shrink(); one.Bytes() != 0 {
		t.Errorf("%d bytes of a clip that has ended", one.Bytes())
	}
	if _, err := two.Run(later, dims, states, state, nil); err != nil || two.Bytes() != 64*mib {
		t.Errorf("a state beside the last one took %d bytes, %v", two.Bytes(), err)
	}
}
