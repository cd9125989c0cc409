package vae

import (
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

// Fitting counts what clips take of an instance's memory where a VAE decodes them.
type Fitting struct {
	Config      Config
	Memory      int64 // that a stage may take, 0: no limit is known
	Stages      *bundle.Stages
	First, Next string // the decoder's graphs
}

// encoders begins the names of the graphs that only clips with pictures run.
const encoders = "vae_encoder"

// Staged counts the stages of clips that encode pictures or do not, decoding in tiles where it is done so.
func (f Fitting) Staged(encodes bool) func(c bundle.ClipSize) ([]bundle.Stage, error) {
	return func(c bundle.ClipSize) ([]bundle.Stage, error) {
		all, err := f.Stages.Of(c, func(graph string) bool { return encodes || !strings.HasPrefix(graph, encoders) })
		if err != nil {
			return nil, err
		}
		tiling, err := f.Tiling(int64(c.Height), int64(c.Width))
		if err != nil || tiling == nil {
			return all, err
		}
		tile := bundle.ClipSize{Width: min(int(tiling.Width), c.Width), Height: min(int(tiling.Height), c.Height), Frames: c.Frames}
		return all, f.Stages.Tiled(all, c, tile, f.First, f.Next)
	}
}

// Tiling is how a picture of height × width pixels is decoded in what the decoder's weights leave of the memory; nil: as a whole.
func (f Fitting) Tiling(height, width int64) (*Tiling, error) {
	if f.Memory <= 0 {
		return nil, nil
	}
	results := 4 * 3 * f.Config.TemporalScale() * height * width
	left, err := f.Stages.Left(f.Memory, f.Next, bundle.ClipSize{Width: int(width), Height: int(height), Frames: 1}, results)
	if err != nil {
		return nil, err
	}
	return Fit(f.Config, height, width, left)
}
