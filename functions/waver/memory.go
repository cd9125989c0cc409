package waver

import (
	"strings"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

const encoders = "vae_encoder" // begins the names of the graphs that only clips with an image run

// checkMemory refuses a clip that would not fit the instance, and says which one would.
func (p *Pipeline) checkMemory(r handler.Request) error {
	if p.memory <= 0 || p.stages == nil {
		return nil
	}
	scale := int(p.c.VAE.SpatialScale())
	staged := func(c bundle.ClipSize) ([]bundle.Stage, error) { return p.staged(c, r.Image != nil) }
	room := bundle.Room{
		Memory: p.memory, Stages: staged, Fewer: []bundle.Fewer{{Field: "num_frames", Stages: staged}},
		Step: bundle.ClipSize{Width: scale * int(p.c.Transformer.PatchSize[2]), Height: scale * int(p.c.Transformer.PatchSize[1]), Frames: int(p.c.VAE.TemporalScale())},
	}
	return room.Check(bundle.ClipSize{Width: r.Width, Height: r.Height, Frames: r.NumFrames})
}

// staged counts a clip's stages, decoding in tiles where it is done so.
func (p *Pipeline) staged(c bundle.ClipSize, image bool) ([]bundle.Stage, error) {
	all, err := p.stages.Of(c, func(graph string) bool { return image || !strings.HasPrefix(graph, encoders) })
	if err != nil {
		return nil, err
	}
	tiling, err := p.tiling(int64(c.Height), int64(c.Width))
	if err != nil || tiling == nil {
		return all, err
	}
	return all, p.stages.Tiled(all, c, bundle.ClipSize{Width: min(int(tiling.Width), c.Width), Height: min(int(tiling.Height), c.Height), Frames: c.Frames}, graphDecodeFirst, graphDecodeNext)
}

// tiling is how a picture is decoded in what the decoder's weights leave of the memory; nil: as a whole.
func (p *Pipeline) tiling(height, width int64) (*vae.Tiling, error) {
	left := p.memory
	if left > 0 && p.stages != nil {
		weights, err := p.stages.Weights(graphDecodeNext)
		if err != nil {
			return nil, err
		}
		left = max(left-weights, 1)
	}
	return vae.Fit(p.c.VAE, height, width, left)
}
