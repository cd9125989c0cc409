package wan

import (
	"strings"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// room is the instance's memory as a request meets it: which stages it runs, and at which sizes.
func (p *Pipeline) room(r handler.Request) bundle.Room {
	pictures := p.c.imageToVideo() || r.Image != nil || r.Video != nil
	step := int(p.c.VAE.SpatialScale())
	room := bundle.Room{
		Memory: p.memory, Stages: p.staged(pictures || r.NumFrames > p.window(r)),
		Step:  bundle.ClipSize{Width: step * int(p.c.Transformer.PatchSize[2]), Height: step * int(p.c.Transformer.PatchSize[1]), Frames: int(p.c.VAE.TemporalScale())},
		Fewer: []bundle.Fewer{{Field: "num_frames", Stages: p.staged(pictures)}},
	}
	if r.Video == nil { // in passes, the frames before are encoded
		room.Fewer = append(room.Fewer, bundle.Fewer{Field: windowField, Stages: p.staged(true)})
	}
	return room
}

// staged counts the stages of clips that encode pictures or do not.
func (p *Pipeline) staged(encodes bool) func(c bundle.ClipSize) ([]bundle.Stage, error) {
	return func(c bundle.ClipSize) ([]bundle.Stage, error) {
		all, err := p.stages.Of(c, func(graph string) bool { return encodes || !strings.HasPrefix(graph, encoders) })
		if err != nil {
			return nil, err
		}
		tiling, err := p.tiling(int64(c.Height), int64(c.Width))
		if err != nil || tiling == nil {
			return all, err
		}
		tile := bundle.ClipSize{Width: min(int(tiling.Width), c.Width), Height: min(int(tiling.Height), c.Height), Frames: c.Frames}
		return all, p.stages.Tiled(all, c, tile, graphDecodeFirst, graphDecodeNext)
	}
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

const encoders = "vae_encoder" // begins the names of the graphs that only clips with pictures run

// checkMemory refuses a clip that would not fit the instance. Of a long one only a pass is in memory at a time.
func (p *Pipeline) checkMemory(r handler.Request) error {
	if p.memory <= 0 || p.stages == nil {
		return nil
	}
	return p.room(r).Check(bundle.ClipSize{Width: r.Width, Height: r.Height, Frames: min(r.NumFrames, p.window(r))})
}
