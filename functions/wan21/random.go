package wan21

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// BuildRandom makes a bundle of at least size bytes whose weights are noise: for measuring what does not depend on what a
// model has learnt. Tokenizer, text encoder, VAE and defaults are shaped as those of the checkpoint at checkpointDir; the
// transformer has eight layers, as wide as the size asks for.
func BuildRandom(ctx context.Context, checkpointDir, outDir string, size int64, o BuildOptions) (weights.Manifest, error) {
	in, err := randomInput(ctx, checkpointDir, size)
	if err != nil {
		return weights.Manifest{}, err
	}
	if o.Name == "" {
		o.Name = "random"
	}
	return build(ctx, in, outDir, o)
}

func randomInput(ctx context.Context, checkpointDir string, size int64) (in input, err error) {
	ckpt, err := weights.OpenCheckpoint(ctx, checkpointDir)
	if err != nil {
		return in, err
	}
	defer ckpt.Close()
	in = checkpointInput(ckpt)
	c, err := parseConfigs(in.configs)
	if err != nil {
		return in, err
	}
	c.Transformer.NumLayers = 8
	params, err := c.widen(size)
	if err != nil {
		return in, err
	}
	if in.configs["transformer"], err = json.Marshal(c.Transformer); err != nil {
		return in, err
	}
	in.source = func(component string) nn.Source { return randomSource(params[component]) }
	return in, nil
}

// widen adds heads until the weights take size bytes as float32, and returns them by component.
func (c *configs) widen(size int64) (map[string][]nn.Param, error) {
	for c.Transformer.NumHeads = 1; c.Transformer.NumHeads <= 4096; c.Transformer.NumHeads++ {
		c.Transformer.FFNDim = 4 * c.Transformer.Dim()
		all, err := c.graphs(func(string) nn.Source { return nil })
		if err != nil {
			return nil, err
		}
		params, bytes := map[string][]nn.Param{}, int64(0)
		for _, g := range all {
			for _, p := range g.net.Params() {
				if known := params[g.net.Component()]; !slices.ContainsFunc(known, func(q nn.Param) bool { return q.Name == p.Name }) {
					params[g.net.Component()] = append(known, p)
					bytes += 4 * p.Elements()
				}
			}
		}
		if bytes >= size {
			return params, nil
		}
	}
	return nil, fmt.Errorf("no random bundle of %d bytes: choose a smaller size: %w", size, errdefs.ErrInvalidArgument)
}

// randomSource gives every parameter values around zero whose products neither vanish nor explode.
type randomSource []nn.Param

func (s randomSource) find(name string) (nn.Param, error) {
	i := slices.IndexFunc(s, func(p nn.Param) bool { return p.Name == name })
	if i < 0 {
		return nn.Param{}, fmt.Errorf("no random tensor %s: %w", name, errdefs.ErrNotFound)
	}
	return s[i], nil
}

func (s randomSource) Info(name string) (weights.Info, error) {
	p, err := s.find(name)
	return weights.Info{Name: name, Shape: p.Dims}, err
}

func (s randomSource) Float32(name string) ([]float32, error) {
	p, err := s.find(name)
	if err != nil {
		return nil, err
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	rng, out := rand.New(rand.NewPCG(h.Sum64(), 1)), make([]float32, p.Elements())
	scale := float32(2 / math.Sqrt(float64(p.Elements()/p.Dims[0])))
	for i := range out {
		out[i] = (rng.Float32() - 0.5) * scale
	}
	return out, nil
}
