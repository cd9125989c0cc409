package serve

import (
	"context"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

var gpu = engine.Device{Kind: engine.CUDA}

// What is asked for and cannot be is refused; what is left to the device says what it is and why.
func TestAttentionIsChosen(t *testing.T) {
	for _, c := range []struct {
		asked      string
		d          engine.Device
		capability int
		says       string
		refused    func(error) bool
	}{
		{"", gpu, 121, "library (the GPU has compute capability 12.1; the operator is for 9.0)", nil},
		{"", gpu, 90, "exact (auto: the GPU has compute capability 9.0)", nil}, {auto, gpu, 90, "exact (auto: the GPU has compute capability 9.0)", nil},
		{exactAttention, gpu, 90, "exact (asked for)", nil}, {int8Attention, gpu, 90, "int8 (asked for)", nil}, {libraryAttention, gpu, 90, "library (asked for)", nil},
		{exactAttention, gpu, 89, "library (the GPU has compute capability 8.9; the operator is for 9.0)", nil},
		{int8Attention, gpu, 100, "needs a GPU of compute capability 9.0, and cuda:0 has 10.0; auto would do", errdefs.IsFailedPrecondition},
		{int8Attention, engine.Device{}, 0, "runs on the CPU; auto would do", errdefs.IsFailedPrecondition},
		{exactAttention, engine.Device{}, 0, "", nil}, {"", engine.Device{}, 0, "", nil},
		{"sage", gpu, 90, `"sage": auto, exact, int8 or library would do`, errdefs.IsInvalidArgument},
	} {
		a, err := chooseAttention(c.asked, c.d, c.capability)
		if c.refused != nil {
			if err == nil || !c.refused(err) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q on %d: %v", c.asked, c.capability, err)
			}
		} else if err != nil || a.String() != c.says {
			t.Errorf("%q on %d is %q, %v", c.asked, c.capability, a, err)
		}
	}
}

// unopened keeps what a graph has become when it is opened.
type unopened struct {
	engine.Engine
	m *onnx.Model
}

func (o *unopened) Open(_ context.Context, _ string, with engine.Options) (engine.Session, error) {
	if with.Change == nil {
		return nil, nil
	}
	return nil, with.Change(o.m)
}

// Scores of codes are a transformer's, a graph of another component has the exact ones; a transformer that cannot have them is refused.
func TestGraphsAreOpenedWithTheirAttention(t *testing.T) {
	is := func(head int64, path string, as attention) (string, error) {
		m := attentive(t, head)
		e := attending{&unopened{m: m}, as, func(engine.Device) int { return 90 }}
		_, err := e.Open(context.Background(), path, engine.Options{Device: gpu})
		for _, n := range m.Graph.Nodes {
			if n.Op == "Attention" {
				return n.Attrs[len(n.Attrs)-1].S, err
			}
		}
		return "", err
	}
	for _, c := range []struct {
		head           int64
		path, as, want string
	}{
		{128, "/b/transformer.cuda.onnx", int8Attention, "int8"}, {128, "/b/transformer_2.cuda.onnx", int8Attention, "int8"},
		{128, "/b/text_encoder.cuda.onnx", int8Attention, "exact"}, {128, "/b/transformer.cuda.onnx", exactAttention, "exact"},
		{128, "/b/transformer.cuda.onnx", libraryAttention, ""}, {32, "/b/transformer.cuda.onnx", exactAttention, ""},
	} {
		if got, err := is(c.head, c.path, attention{is: c.as}); got != c.want || err != nil {
			t.Errorf("%s, %s, heads of %d: %q, %v", c.path, c.as, c.head, got, err)
		}
	}
	if _, err := is(32, "/b/transformer.cuda.onnx", attention{is: int8Attention}); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "heads of 128") {
		t.Error(err)
	}
}

// attentive is a lowered graph with one attention of two heads.
func attentive(t *testing.T, head int64) *onnx.Model {
	t.Helper()
	n := nn.New("transformer", "transformer", nn.Options{})
	x := n.Input("x", onnx.Float32, "batch", "tokens", 16)
	n.SetBatch(x)
	q, k, v := n.Linear(x, "q", 16, 2*head, true), n.Linear(x, "k", 16, 2*head, true), n.Linear(x, "v", 16, 2*head, true)
	n.Output("y", n.Linear(n.Attention(q, k, v, "", 2, 0), "out", 2*head, 16, true), onnx.Float32, "batch", "tokens", 16)
	m, err := n.Model()
	if err == nil {
		err = fuse.CUDA(m, fuse.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}
