package wan

import (
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// room is the instance's memory as a request meets it: which stages it runs, and at which sizes.
func (p *Pipeline) room(r handler.Request) bundle.Room {
	pictures := p.c.imageToVideo() || r.Image != nil || r.Video != nil
	step, fits := int(p.c.VAE.SpatialScale()), p.fitting(r)
	inPasses := p.tailed(fits.Staged(true))
	stages := fits.Staged(pictures)
	if r.NumFrames > p.window(r) {
		stages = inPasses
	}
	left, held := p.stages.Leaves(p.memory, r.Held)
	few := 1
	if r.LastImage != nil {
		few += int(p.c.VAE.TemporalScale()) // a frame of its own
	}
	room := bundle.Room{
		Memory: left, Held: held, Stages: stages,
		Step:  bundle.ClipSize{Width: step * int(p.c.Transformer.PatchSize[2]), Height: step * int(p.c.Transformer.PatchSize[1]), Frames: int(p.c.VAE.TemporalScale())},
		Fewer: []bundle.Fewer{{Field: "num_frames", Stages: fits.Staged(pictures), Least: few}},
	}
	if r.Video == nil { // in passes, the frames before are encoded
		room.Fewer = append(room.Fewer, bundle.Fewer{Field: windowField, Stages: inPasses, Least: 1 + int(p.c.VAE.TemporalScale())})
	}
	return room
}

// tailed adds the frames that a pass begins with, which are kept while the one before is decoded, are copied for encoding and fade
// into what becomes of them.
func (p *Pipeline) tailed(stages func(c bundle.ClipSize) ([]bundle.Stage, error)) func(c bundle.ClipSize) ([]bundle.Stage, error) {
	return func(c bundle.ClipSize) ([]bundle.Stage, error) {
		all, err := stages(c)
		for i := range all {
			all[i].Activations += 3 * 4 * 3 * int64(p.overlap(max(c.Frames, int(p.c.VAE.TemporalScale())+1))) * int64(c.Width) * int64(c.Height)
		}
		return all, err
	}
}

// fitting counts the family's stages in what a request leaves of the memory.
func (p *Pipeline) fitting(r handler.Request) vae.Fitting {
	left, _ := p.stages.Leaves(p.memory, r.Held)
	return vae.Fitting{Config: p.c.VAE, Memory: left, Stages: p.stages, First: graphDecodeFirst, Next: graphDecodeNext}
}

// checkMemory refuses a clip that would not fit the instance. Of a long one only a pass is in memory at a time.
func (p *Pipeline) checkMemory(r handler.Request) error {
	return p.room(r).Check(p.atOnce(r))
}

// fits says whether checkMemory refuses nothing.
func (p *Pipeline) fits(r handler.Request) bool { return p.room(r).Fits(p.atOnce(r)) }

// atOnce is what of a request's clip is made at once.
func (p *Pipeline) atOnce(r handler.Request) bundle.ClipSize {
	return bundle.ClipSize{Width: r.Width, Height: r.Height, Frames: min(r.NumFrames, p.window(r))}
}
