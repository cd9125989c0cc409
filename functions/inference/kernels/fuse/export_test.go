package fuse

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// ChannelsLast rewrites an autoencoder as CUDA does for FP16, but in float32, so that the CPU can run it written out.
func ChannelsLast(t *testing.T, m *onnx.Model) {
	t.Helper()
	g := newGraph(m, Options{Type: onnx.Float16})
	for _, pass := range []func(){g.pixelNorms, g.lowered, g.attention, g.channelNorms, g.doubles, g.channelsLast} {
		pass()
		g.compact()
	}
	if err := g.sort(); err != nil {
		t.Fatal(err)
	}
	g.store()
}
