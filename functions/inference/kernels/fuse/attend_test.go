package fuse_test

import (
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// attended is attention of one value to itself in heads of some size, as a transformer has it.
func attended(t *testing.T, heads, head int64) *onnx.Model {
	t.Helper()
	n, width := nn.New("attended", "attended", nn.Options{}), heads*head
	x := n.Input("x", onnx.Float32, "batch", "tokens", 16)
	n.SetBatch(x)
	h := n.Linear(x, "in", 16, width, true)
	q, k := n.RMSNorm(n.Linear(h, "q", width, width, true), "norm_q", width, epsilon), n.Linear(h, "k", width, width, true)
	n.Output("y", n.Linear(n.Attention(q, k, n.Linear(h, "v", width, width, true), "", heads, 0), "out", width, 16, true), onnx.Float32, "batch", "tokens", 16)
	m, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	fill(m)
	return m
}

// The operator is for GPUs of compute capability 9.0, heads of 128 and, with exact scores, 64, and numbers of 16 bits. Everywhere else the
// library's stays.
func TestAttentionGoesToTheOperatorThatIsThere(t *testing.T) {
	for _, c := range []struct {
		head       int64
		capability int
		as         fuse.Scores
		is         onnx.DType
		want       int
	}{
		{128, 90, fuse.Exact, onnx.Float16, 1}, {128, 90, fuse.INT8, onnx.BFloat16, 1}, {64, 90, fuse.Exact, onnx.BFloat16, 1},
		{64, 90, fuse.INT8, onnx.BFloat16, 0}, {96, 90, fuse.Exact, onnx.Float16, 0}, {32, 90, fuse.Exact, onnx.Float16, 0},
		{128, 89, fuse.Exact, onnx.Float16, 0}, {128, 100, fuse.Exact, onnx.Float16, 0}, {128, 121, fuse.INT8, onnx.Float16, 0},
		{128, 90, fuse.Exact, onnx.Float32, 0},
	} {
		m := attended(t, 2, c.head)
		if err := fuse.CUDA(m, fuse.Options{Type: c.is}); err != nil {
			t.Fatal(err)
		}
		got := fuse.Attend(m, c.capability, c.as, fuse.Few{})
		if all := ops(m); got != c.want || all["Attention"] != c.want || all["MultiHeadAttention"] != 1-c.want {
			t.Errorf("heads of %d on %d, %s, type %d: %d, %v", c.head, c.capability, c.as, c.is, got, all)
		}
		i := slices.IndexFunc(m.Graph.Nodes, func(n onnx.Node) bool { return n.Op == "Attention" })
		if c.want == 0 {
			continue
		}
		n := m.Graph.Nodes[i]
		if n.Domain != fuse.Domain || len(n.Attrs) != 2 || n.Attrs[0].Name != "num_heads" || n.Attrs[0].I != 2 || n.Attrs[1].S != string(c.as) {
			t.Errorf("%+v", n)
		}
	}
}

// An autoencoder attends to the positions of a frame with one head as wide as its channels.
func TestAnAutoencoderAttendsToo(t *testing.T) {
	for dim, want := range map[int64]int{64: 1, 96: 0, 384: 0} {
		net, err := vae.Decoder(vae.Config{BaseDim: dim / 2, DimMult: []int64{1, 2}, NumResBlocks: 1, ZDim: 16, TemporalDownsample: []bool{false}}.WithDefaults(), true, nn.Options{})
		if err != nil {
			t.Fatal(err)
		}
		m, err := net.Model()
		if err == nil {
			err = fuse.CUDA(m, fuse.Options{})
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := fuse.Attend(m, 90, fuse.Exact, fuse.Few{}); got != want || ops(m)["MultiHeadAttention"] != 1-want {
			t.Errorf("%d channels: %d, %v", dim, got, ops(m))
		}
	}
}

// Attention with a bias, and of a graph as it was built, is not the operator's.
func TestAttentionThatIsNoneOfTheOperatorsStays(t *testing.T) {
	m := attended(t, 2, 128)
	if n := fuse.Attend(m, 90, fuse.Exact, fuse.Few{}); n != 0 {
		t.Errorf("%d nodes of a graph as it was built were changed", n)
	}
	if err := fuse.CUDA(m, fuse.Options{}); err != nil {
		t.Fatal(err)
	}
	for i := range m.Graph.Nodes {
		if n := &m.Graph.Nodes[i]; n.Op == "MultiHeadAttention" {
			n.Inputs = append(n.Inputs, "", "", n.Inputs[0])
		}
	}
	if n := fuse.Attend(m, 90, fuse.Exact, fuse.Few{}); n != 0 {
		t.Errorf("%d nodes with a bias were changed", n)
	}
}
