package wan

import (
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Shapes are those of a bundle's graphs from the smallest clip to the model's default.
func Shapes(m weights.Manifest) (bundle.Shapes, error) {
	c, err := parseConfigs(m.Configs)
	if err != nil {
		return bundle.Shapes{}, err
	}
	d, err := parseDefaults(c, m.Defaults)
	if err != nil {
		return bundle.Shapes{}, err
	}
	p := Pipeline{c: c, defaults: d}
	s := bundle.Shapes{Sizes: c.sizes(d), Check: p.checkPlan, Most: bundle.ClipSize{Width: d.Width, Height: d.Height, Frames: d.Frames}}
	scale, step := int(c.VAE.SpatialScale()), int(c.VAE.TemporalScale())
	s.Least = bundle.ClipSize{Width: scale * int(c.Transformer.PatchSize[2]), Height: scale * int(c.Transformer.PatchSize[1]), Frames: 1 + 2*step}
	for _, g := range c.graphs() {
		s.Graphs = append(s.Graphs, g.Name)
	}
	return s, nil
}
