package wan

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/text/t5"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// publishedConfig are the configurations of Wan2.1-T2V-1.3B, T2V-14B and I2V-14B.
func publishedConfig(heads, layers, ffn, in, image int64) TransformerConfig {
	c := TransformerConfig{PatchSize: []int64{1, 2, 2}, NumHeads: heads, HeadDim: 128, InChannels: in, OutChannels: 16,
		TextDim: 4096, FreqDim: 256, FFNDim: ffn, NumLayers: layers, Eps: 1e-6, RopeMaxSeqLen: 1024, ImageDim: image}
	if image > 0 {
		c.AddedKVProjDim = heads * 128
	}
	return c
}

func parameters(net *nn.Net) (n int64) {
	for _, p := range net.Params() {
		n += p.Elements()
	}
	return n
}

func TestPublishedSizes(t *testing.T) {
	for name, c := range map[string]struct {
		config TransformerConfig
		want   int64
	}{
		"1.3B": {publishedConfig(12, 30, 8960, 16, 0), 1_418_996_800},
		"14B":  {publishedConfig(40, 40, 13824, 16, 0), 14_288_491_584},
	} {
		net, err := Transformer(c.config, nn.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := parameters(net); got != c.want {
			t.Errorf("%s has %d parameters, want %d", name, got, c.want)
		}
	}
	net, err := t5.Encoder(t5.Config{Class: "UMT5EncoderModel", VocabSize: 256384, DModel: 4096, DKV: 64, DFF: 10240, NumLayers: 24, NumHeads: 64}, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := parameters(net); got != 5_680_910_336 {
		t.Errorf("UMT5-XXL has %d parameters", got)
	}
}

// The graphs of the published sizes load, which has the library infer every shape in them. Their weights are a hole in a
// file: nothing is allocated and nothing read.
func TestPublishedGraphsLoad(t *testing.T) {
	e, err := ort.Load()
	if err != nil {
		t.Fatal(err)
	}
	t2v, err := Transformer(publishedConfig(12, 30, 8960, 16, 0), nn.Options{})
	loadSparse(t, e, t2v, err)
	i2v, err := Transformer(publishedConfig(40, 40, 13824, 36, 1280), nn.Options{})
	loadSparse(t, e, i2v, err)
	for _, first := range []bool{true, false} {
		dec, err := vae.Decoder(vae.Config{}, first, nn.Options{})
		loadSparse(t, e, dec, err)
		enc, err := vae.Encoder(vae.Config{}, first, nn.Options{})
		loadSparse(t, e, enc, err)
	}
}

func loadSparse(t *testing.T, e engine.Engine, net *nn.Net, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	m, err := net.Model()
	if err != nil {
		t.Fatal(err)
	}
	dir, size := t.TempDir(), int64(0)
	for i := range m.Graph.Initializers {
		if w := &m.Graph.Initializers[i]; w.Content != nil {
			w.External, w.Content = &onnx.External{Location: "weights.bin", Offset: size, Length: w.Bytes()}, nil
			size += (w.Bytes() + onnx.PageSize - 1) / onnx.PageSize * onnx.PageSize
		}
	}
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	path, data := filepath.Join(dir, "graph.onnx"), filepath.Join(dir, "weights.bin")
	for _, err := range []error{os.WriteFile(path, raw, 0o644), os.WriteFile(data, nil, 0o644), os.Truncate(data, size)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := e.Open(context.Background(), path, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
