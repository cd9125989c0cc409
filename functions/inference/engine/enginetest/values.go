package enginetest

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

func types(t *testing.T, r rig) {
	for _, dtype := range []onnx.DType{onnx.Float32, onnx.Float64, onnx.Int64, onnx.Int32, onnx.Int8, onnx.Uint8, onnx.Bool,
		onnx.BFloat16, onnx.Float16, onnx.Float8E4M3, onnx.Float8E5M2} {
		s := r.open(t, func(b *onnx.Builder) { b.Output("y", b.Input("x", dtype, "n", 3), dtype, "n", 3) })
		x, err := engine.Make(dtype, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x.Bytes() {
			x.Bytes()[i] = byte(i) & 1 // what a bool may hold too
		}
		for _, keep := range [][]string{nil, {"y"}} {
			out, err := s.Run(context.Background(), engine.Values{"x": x}, keep...)
			if err != nil {
				t.Fatalf("type %d: %v", dtype, err)
			}
			if v := out["y"]; v.Type() != dtype || !slices.Equal(v.Dims(), x.Shape) {
				t.Errorf("type %d comes back as %d %v", dtype, v.Type(), v.Dims())
			}
			y, err := out.Tensor("y")
			if err != nil || !bytes.Equal(y.Bytes(), x.Bytes()) {
				t.Errorf("type %d: %v comes back as %v, %v", dtype, x.Data, y.Data, err)
			}
			spare, _ := engine.Make(dtype, 3, 2)
			if y, err = out.TensorInto("y", spare); err != nil || !slices.Equal(y.Shape, x.Shape) || !bytes.Equal(y.Bytes(), x.Bytes()) {
				t.Errorf("type %d: into memory that is there, %v comes back as %v %v, %v", dtype, x.Data, y.Shape, y.Data, err)
			}
			if _, ok := out["y"].(engine.Fetched); ok && &y.Bytes()[0] != &spare.Bytes()[0] {
				t.Errorf("type %d: the memory that is there is not taken", dtype)
			}
			out.Close()
		}
	}
}

func edges(t *testing.T, r rig) {
	s := r.open(t, func(b *onnx.Builder) {
		b.Output("scalar", b.Add(b.Input("a", onnx.Float32), b.Float(1)), onnx.Float32)
		b.Output("none", b.Mul(b.Input("b", onnx.Float32, "n", 4), b.Float(2)), onnx.Float32, "n", 4)
	})
	out, err := s.Run(context.Background(), engine.Values{"a": engine.Floats([]float32{2}), "b": engine.Zeros(0, 4)})
	if err != nil {
		t.Fatal(err)
	}
	if v := out.Float32("scalar"); len(v) != 1 || v[0] != 3 || len(out["scalar"].Dims()) != 0 {
		t.Errorf("scalar is %v %v", out["scalar"].Dims(), v)
	}
	if v := out["none"]; len(out.Float32("none")) != 0 || !slices.Equal(v.Dims(), []int64{0, 4}) {
		t.Errorf("empty is %v", v.Dims())
	}
}

func resident(t *testing.T, r rig) {
	s, ctx := r.open(t, sum), context.Background()
	var carry engine.Value = engine.Zeros(3)
	for i := range 4 {
		out, err := s.Run(ctx, engine.Values{"x": engine.Floats([]float32{1, 2, 3}, 3), "carry": carry}, "carry.next")
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := out["y"].(engine.Tensor); !ok {
			t.Errorf("y was not to stay: %T", out["y"])
		}
		next := out["carry.next"]
		if _, ok := next.(engine.Tensor); ok || next.Device().String() != r.o.Device.String() {
			t.Errorf("carry.next was to stay on %s: %T on %s", r.o.Device, next, next.Device())
		}
		if err := carry.Close(); err != nil {
			t.Error(err)
		}
		carry = next
		want := float32(i + 1)
		if got := floats(t, carry); !slices.Equal(got, []float32{want, 2 * want, 3 * want}) {
			t.Errorf("after %d runs: %v", i+1, got)
		}
	}
	both := engine.Values{"x": carry, "carry": carry} // one value twice
	out, err := s.Run(ctx, both)
	if err != nil || !slices.Equal(out.Float32("y"), []float32{8, 16, 24}) {
		t.Errorf("a value added to itself: %v, %v", out.Float32("y"), err)
	}
	if got := floats(t, carry); got[0] != 4 {
		t.Errorf("an input was changed: %v", got)
	}
	carry.Close()
}

func placed(t *testing.T, r rig) {
	s, ctx, data := r.open(t, sum), context.Background(), []float32{5, 6}
	v, err := r.Place(ctx, engine.Floats(data, 2), r.o.Device)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	data[0] = 100 // the copy is the engine's own
	for range 2 {
		out, err := s.Run(ctx, engine.Values{"x": v, "carry": engine.Zeros(2)})
		if err != nil || !slices.Equal(out.Float32("y"), []float32{5, 6}) {
			t.Errorf("got %v, %v", out.Float32("y"), err)
		}
	}
	_, err = r.Place(ctx, engine.Floats(data, 3), r.o.Device)
	refused(t, "a tensor of too few elements", err, errdefs.IsInvalidArgument, "[3]")
}

func outlives(t *testing.T, r rig) {
	first, ctx := r.open(t, sum), context.Background()
	in := engine.Values{"x": engine.Floats([]float32{1}, 1), "carry": engine.Floats([]float32{2}, 1)}
	out, err := first.Run(ctx, in, "y", "carry.next")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := r.open(t, sum).Run(ctx, engine.Values{"x": out["y"], "carry": out["carry.next"]})
	if err != nil || again.Float32("y")[0] != 6 {
		t.Errorf("got %v, %v", again, err)
	}
}

func spent(t *testing.T, r rig) {
	s, ctx := r.open(t, sum), context.Background()
	for _, good := range []bool{true, false} {
		v, err := r.Place(ctx, engine.Floats([]float32{5, 6}, 2), r.o.Device)
		if err != nil {
			t.Fatal(err)
		}
		x := engine.Floats([]float32{1, 2}, 2)
		if !good {
			x = engine.Floats([]float32{1, 2, 3}, 3)
		}
		out, err := s.Run(ctx, engine.Values{"x": x, "carry": engine.Spent{Value: v}}, "carry.next")
		if (err == nil) != good || good && !slices.Equal(floats(t, out["carry.next"]), []float32{6, 8}) {
			t.Errorf("got %v, %v", out, err)
		}
		if _, err := v.Host(); !errdefs.IsFailedPrecondition(err) {
			t.Errorf("a spent value is still open: %v", err)
		}
		out.Close()
	}
}

func closedValue(t *testing.T, r rig) {
	s, ctx := r.open(t, sum), context.Background()
	v, err := r.Place(ctx, engine.Zeros(1), r.o.Device)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err = s.Run(ctx, engine.Values{"x": v, "carry": engine.Zeros(1)})
	refused(t, "a run", err, errdefs.IsFailedPrecondition, "closed")
	_, err = v.Host()
	refused(t, "a copy", err, errdefs.IsFailedPrecondition, "closed")
	if f, ok := v.(engine.Fetched); ok {
		refused(t, "a copy to memory that is there", f.HostInto(engine.Zeros(1)), errdefs.IsFailedPrecondition, "closed")
		refused(t, "a copy to memory of another shape", f.HostInto(engine.Zeros(2)), errdefs.IsInvalidArgument, "shape [2]")
	}
}

func inputs(t *testing.T, r rig) {
	s, ctx, one := r.open(t, sum), context.Background(), engine.Zeros(1)
	_, err := s.Run(ctx, engine.Values{"x": one})
	refused(t, "a missing input", err, errdefs.IsInvalidArgument, "needs the input carry")
	_, err = s.Run(ctx, engine.Values{"x": one, "carry": one, "more": one})
	refused(t, "one input too many", err, errdefs.IsInvalidArgument, "3 were given")
	_, err = s.Run(ctx, engine.Values{"x": engine.Floats(nil, 1), "carry": one})
	refused(t, "a tensor without content", err, errdefs.IsInvalidArgument, "tensor x")
	_, err = s.Run(ctx, engine.Values{"x": engine.Ints([]int64{1}, 1), "carry": one})
	refused(t, "another type", err, errdefs.IsInvalidArgument, "")
	_, err = s.Run(ctx, engine.Values{"x": one, "carry": one}, "z")
	refused(t, "an output that is not there", err, errdefs.IsInvalidArgument, "no output z")
}

func described(t *testing.T, r rig) {
	s := r.open(t, func(b *onnx.Builder) {
		b.Output("y", b.Op("Cast", []onnx.Value{b.Input("x", onnx.Int64, "n", 2)}, onnx.Int("to", int64(onnx.Float32))), onnx.Float32, "n", 2)
	})
	if in := s.Inputs(); len(in) != 1 || in[0].Name != "x" || in[0].Type != onnx.Int64 || !slices.Equal(in[0].Shape, []int64{-1, 2}) {
		t.Errorf("inputs %v", in)
	}
	if out := s.Outputs(); len(out) != 1 || out[0].Name != "y" || out[0].Type != onnx.Float32 {
		t.Errorf("outputs %v", out)
	}
}
