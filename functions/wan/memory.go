package wan

import (
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// room is the instance's memory as a request meets it: which stages it runs, and at which sizes.
func (p *Pipeline) room(r handler.Request) bundle.Room {
	pictures := p.c.imageToVideo() || r.Image != nil || r.Video != nil
	step, fits := int(p.c.VAE.SpatialScale()), p.fitting()
	room := bundle.Room{
		Memory: p.memory, Stages: fits.Staged(pictures || r.NumFrames > p.window(r)),
		Step:  bundle.ClipSize{Width: step * int(p.c.Transformer.PatchSize[2]), Height: step * int(p.c.Transformer.PatchSize[1]), Frames: int(p.c.VAE.TemporalScale())},
		Fewer: []bundle.Fewer{{Field: "num_frames", Stages: fits.Staged(pictures)}},
	}
	if r.Video == nil { // in passes, the frames before are encoded
		room.Fewer = append(room.Fewer, bundle.Fewer{Field: windowField, Stages: fits.Staged(true)})
	}
	return room
}

// fitting counts the family's stages.
func (p *Pipeline) fitting() vae.Fitting {
	return vae.Fitting{Config: p.c.VAE, Memory: p.memory, Stages: p.stages, First: graphDecodeFirst, Next: graphDecodeNext}
}

// checkMemory refuses a clip that would not fit the instance. Of a long one only a pass is in memory at a time.
func (p *Pipeline) checkMemory(r handler.Request) error {
	return p.room(r).Check(bundle.ClipSize{Width: r.Width, Height: r.Height, Frames: min(r.NumFrames, p.window(r))})
}
