package waver

import (
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// checkMemory refuses a clip that would not fit the instance, and says which one would.
func (p *Pipeline) checkMemory(r handler.Request) error {
	scale := int(p.c.VAE.SpatialScale())
	staged := p.fitting(r).Staged(r.Image != nil)
	left, held := p.stages.Leaves(p.memory, r.Held)
	room := bundle.Room{
		Memory: left, Held: held, Stages: staged, Fewer: []bundle.Fewer{{Field: "num_frames", Stages: staged}},
		Step: bundle.ClipSize{Width: scale * int(p.c.Transformer.PatchSize[2]), Height: scale * int(p.c.Transformer.PatchSize[1]), Frames: int(p.c.VAE.TemporalScale())},
	}
	return room.Check(bundle.ClipSize{Width: r.Width, Height: r.Height, Frames: r.NumFrames})
}

// fitting counts the model's stages in what a request leaves of the memory.
func (p *Pipeline) fitting(r handler.Request) vae.Fitting {
	left, _ := p.stages.Leaves(p.memory, r.Held)
	return vae.Fitting{Config: p.c.VAE, Memory: left, Stages: p.stages, First: graphDecodeFirst, Next: graphDecodeNext}
}
