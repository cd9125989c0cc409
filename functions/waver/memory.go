package waver

import (
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// checkMemory refuses a clip that would not fit the instance, and says which one would.
func (p *Pipeline) checkMemory(r handler.Request) error {
	scale := int(p.c.VAE.SpatialScale())
	staged := p.fitting().Staged(r.Image != nil)
	room := bundle.Room{
		Memory: p.memory, Stages: staged, Fewer: []bundle.Fewer{{Field: "num_frames", Stages: staged}},
		Step: bundle.ClipSize{Width: scale * int(p.c.Transformer.PatchSize[2]), Height: scale * int(p.c.Transformer.PatchSize[1]), Frames: int(p.c.VAE.TemporalScale())},
	}
	return room.Check(bundle.ClipSize{Width: r.Width, Height: r.Height, Frames: r.NumFrames})
}

// fitting counts the model's stages.
func (p *Pipeline) fitting() vae.Fitting {
	return vae.Fitting{Config: p.c.VAE, Memory: p.memory, Stages: p.stages, First: graphDecodeFirst, Next: graphDecodeNext}
}
