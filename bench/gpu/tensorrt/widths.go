package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/footprint"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/text/t5"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
	"github.com/videosdgx/videosdgx/functions/wan"
)

// part is one of a published model: a layer, or the decoding of a latent frame, for 81 frames of 480×832.
type part struct {
	name  string
	graph func(o nn.Options) (*nn.Net, error)
	dims  map[string]int64
	state func(o nn.Options) (*nn.Net, error) // the graph that leaves what this one finds
}

var (
	clip   = map[string]int64{"batch": 1, "patches": 21 * 30 * 52, "text": 512, "times": 1}
	latent = map[string]int64{"frames": 1, "height": 60, "width": 104}
)

func transformer(heads, ffn int64) func(o nn.Options) (*nn.Net, error) {
	return func(o nn.Options) (*nn.Net, error) {
		return wan.Transformer(wan.TransformerConfig{NumHeads: heads, HeadDim: 128, InChannels: 16, OutChannels: 16, TextDim: 4096, FFNDim: ffn, NumLayers: 1}, o)
	}
}

func decoder(first bool) func(o nn.Options) (*nn.Net, error) {
	return func(o nn.Options) (*nn.Net, error) { return vae.Decoder(vae.Config{}, first, o) }
}

// umt5 is a layer of UMT5-XXL over a vocabulary that is small: its table says nothing of a plan.
func umt5(o nn.Options) (*nn.Net, error) {
	return t5.Encoder(t5.Config{ModelType: "umt5", VocabSize: 256, DModel: 4096, DKV: 64, DFF: 10240, NumLayers: 1, NumHeads: 64, FeedForward: "gated-gelu", Epsilon: 1e-6}.WithDefaults(), o)
}

var published = []part{
	{name: "dit_1_3b_layer", graph: transformer(12, 8960), dims: clip},
	{name: "dit_14b_layer", graph: transformer(40, 13824), dims: clip},
	{name: "vae_480p_next", graph: decoder(false), dims: latent, state: decoder(true)},
	{name: "umt5_xxl_layer", graph: umt5, dims: map[string]int64{"batch": 1, "tokens": 512}},
}

// widths builds a plan of each part in each format with weights that are noise.
func widths(ctx context.Context, r *harness.Report, dir string, target int, only string, formats []string, strip bool) error {
	install, err := rtx()
	if err != nil {
		return err
	}
	for _, p := range published {
		if only != "all" && !strings.Contains(","+only+",", ","+p.name+",") {
			continue
		}
		for _, f := range formats {
			at := filepath.Join(dir, p.name)
			if err := os.MkdirAll(at, 0o755); err != nil {
				return err
			}
			if err := p.plan(ctx, r, at, target, install, quant.Format(f), strip); err != nil {
				return fmt.Errorf("%s in %s: %w", p.name, f, err)
			}
			if err := os.RemoveAll(at); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p part) plan(ctx context.Context, r *harness.Report, dir string, target int, install tensorrt.Install, format quant.Format, strip bool) error {
	source, err := newNoise(p.graph)
	if err != nil {
		return err
	}
	o := nn.Options{Policy: policy(format), Weights: source}
	profile, err := p.shapes(o)
	if err != nil {
		return err
	}
	m, err := model(p.graph, o)
	if err != nil {
		return err
	}
	graph, err := store(dir, m)
	if err != nil {
		return err
	}
	path, began, stop := filepath.Join(dir, "graph.plan"), time.Now(), builders()
	recipe := tensorrt.Recipe{Model: graph, Capability: target, Strip: strip, Profiles: []tensorrt.Profile{profile}, Limits: tensorrt.ResourceLimits{Time: time.Hour}}
	err = (tensorrt.Builder{Install: install}).Build(ctx, recipe, path, nil)
	rss := stop()
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	name := p.name + "_" + string(format)
	if strip {
		name += "_bare"
	}
	r.Figure(name+"_plan_seconds", time.Since(began).Seconds())
	r.Figure(name+"_plan_mb", float64(info.Size())/1e6)
	r.Figure(name+"_builder_rss_mb", float64(rss)/1e6)
	return nil
}

func model(graph func(nn.Options) (*nn.Net, error), o nn.Options) (*onnx.Model, error) {
	net, err := graph(o)
	if err != nil {
		return nil, err
	}
	return net.Model()
}

// shapes are the inputs', one for each.
func (p part) shapes(o nn.Options) (tensorrt.Profile, error) {
	states := map[string][]int64{}
	if p.state != nil {
		m, err := model(p.state, nn.Options{Policy: o.Policy})
		if err != nil {
			return nil, err
		}
		peak, err := footprint.Of(m, p.dims, nil)
		if err != nil {
			return nil, err
		}
		for name, s := range peak.Out {
			states[strings.TrimSuffix(name, ".next")] = s
		}
	}
	m, err := model(p.graph, o)
	if err != nil {
		return nil, err
	}
	all := tensorrt.Profile{}
	for _, in := range m.Graph.Inputs {
		s := states[in.Name]
		for _, d := range in.Dims {
			if states[in.Name] != nil {
				break
			}
			if d.Name != "" {
				d.Size = p.dims[d.Name]
			}
			if d.Size < 1 {
				return nil, fmt.Errorf("dimension %s of %s is not known", d, in.Name)
			}
			s = append(s, d.Size)
		}
		all[in.Name] = tensorrt.Range{Least: s, Usual: s, Most: s}
	}
	return all, nil
}

// rtx is the machine's TensorRT-RTX.
func rtx() (tensorrt.Install, error) {
	all, err := tensorrt.Find()
	for _, at := range all {
		if at.Family == tensorrt.RTX {
			return at, nil
		}
	}
	if err == nil {
		err = errors.New("there is a TensorRT here, but no TensorRT-RTX: run `make setup-tensorrt`")
	}
	return tensorrt.Install{}, err
}
