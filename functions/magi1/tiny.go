package magi1

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/text/t5"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// WriteTiny writes a checkpoint of noise to a folder: the published architecture in every part, small enough to make a second
// in a moment. tokenizer is the folder of a T5 tokenizer, of vocabulary words; with "" it gets one of single characters. It serves what
// does not depend on what a model has learnt: tests, measuring how chunks leave, and seeing it before the published weights are there.
func WriteTiny(dir, tokenizer string, vocabulary int64) error {
	if tokenizer == "" {
		vocabulary = TinyVocabulary
	}
	c := tinyConfigs(vocabulary)
	for component, config := range map[string]any{"transformer": c.Config, "vae": c.VAE, "text_encoder": c.Text} {
		if err := writeComponent(filepath.Join(dir, component), component, config, c); err != nil {
			return err
		}
	}
	if err := tinyTokenizer(filepath.Join(dir, "tokenizer"), tokenizer); err != nil {
		return err
	}
	if err := writeSpecial(filepath.Join(dir, specialFile), c.Model.CaptionSize); err != nil {
		return err
	}
	const index = `{"_class_name":"MagiPipeline","transformer":["magi","VideoDiTModel"],"vae":["magi","ViTVAE"],"text_encoder":["transformers","T5EncoderModel"],"tokenizer":["transformers","T5TokenizerFast"]}`
	return os.WriteFile(filepath.Join(dir, "model_index.json"), []byte(index), 0o644)
}

func tinyTokenizer(dir, from string) error {
	if from != "" {
		return os.CopyFS(dir, os.DirFS(from))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return writeTokenizer(dir)
}

func tinyConfigs(vocabulary int64) (c configs) {
	c.Model = ModelConfig{NumLayers: 2, HiddenSize: 64, FFNSize: 128, NumHeads: 4, NumGroups: 2, HeadDim: 16, InChannels: 4, OutChannels: 4, CaptionSize: 32, CaptionTokens: 64}
	c.Runtime = RuntimeConfig{CFGNumber: 3, CFGTimes: []float32{0, 0.0217, 0.1, 0.3, 0.999}, PrevScales: []float32{1.5, 1.5, 1.5, 1, 1}, TextScales: []float32{7.5, 7.5, 7.5, 0, 0},
		KVRange: []int{5, 4, 3, 2}, CleanKVRange: 1, NumFrames: 96, Height: 64, Width: 96, NumSteps: 16}
	c.VAE.Coder = VAECoder{ZChannels: 4, Dim: 256, Depth: 1, Heads: 4, MLPRatio: 2}
	c.Text = t5.Config{ModelType: "t5", VocabSize: vocabulary, DModel: 32, DKV: 8, DFF: 64, NumLayers: 1, NumHeads: 4, FeedForward: "gated-gelu", EOS: 1}
	c.Config, c.VAE, c.Text = c.Config.WithDefaults(), c.VAE.WithDefaults(), c.Text.WithDefaults()
	return c
}

func writeComponent(dir, component string, config any, c configs) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(config, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o644)
	}
	if err != nil {
		return err
	}
	var all []weights.Tensor
	seen := map[string]bool{}
	for _, g := range c.graphs() {
		if g.Component != component {
			continue
		}
		net, err := g.Build(nn.Options{})
		if err != nil {
			return err
		}
		for _, p := range net.Params() {
			if !seen[p.Name] {
				seen[p.Name] = true
				all = append(all, weights.Float32Tensor(p.Name, p.Dims, tinyValues(p)))
			}
		}
	}
	return weights.Write(filepath.Join(dir, "model.safetensors"), all, nil)
}

// tinyValues are noise, the same for the same name, of a size that neither vanishes nor explodes.
func tinyValues(p nn.Param) []float32 {
	seed := uint64(len(p.Name))
	for _, c := range p.Name {
		seed = seed*1099511628211 + uint64(c)
	}
	v := noise.Normal(seed, int(p.Elements()))
	scale, mean := float32(1/math.Sqrt(float64(max(p.Elements()/p.Dims[0], 1)))), float32(0)
	switch {
	case strings.HasSuffix(p.Name, "layer_norm.weight"), strings.HasSuffix(p.Name, "norm2.weight"), strings.HasSuffix(p.Name, "norm.weight") && !strings.HasPrefix(p.Name, "videodit"):
		scale, mean = 0.1, 1
	case len(p.Dims) == 1:
		scale = 0.1
	}
	for i := range v {
		v[i] = v[i]*scale + mean
		if p.Name == "rope.bands" {
			v[i] = float32(math.Abs(float64(v[i])))
		}
	}
	return v
}

// writeSpecial writes special tokens of noise as numpy does.
func writeSpecial(path string, size int64) error {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i, part := range []struct {
		name string
		rows int64
	}{{"caption_token", 1}, {"logo_token", 1}, {"other_tokens", tokens2DAnime + 1}} {
		w, err := z.Create(part.name + ".npy")
		if err != nil {
			return err
		}
		head := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }\n", part.rows, size)
		raw := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(head)))
		raw = append(raw, head...)
		for _, v := range noise.Normal(uint64(1000+i), int(part.rows*size)) {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		if _, err := w.Write(raw); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}
