package ltx2

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// statistics are those of a VAE's latents: of the video's channels, or of every value of one moment of sound. Checkpoints hold
// them as tensors; in a bundle they are part of the VAE's configuration.
type statistics struct {
	Mean  []float32 `json:"latents_mean"`
	Std   []float32 `json:"latents_std"`
	Scale float64   `json:"scaling_factor"`
}

// read takes them from a checkpoint where the configuration has none.
func (s *statistics) read(src nn.Source, names [2]string, n int64) error {
	if s.Scale == 0 {
		s.Scale = 1
	}
	for i, to := range []*[]float32{&s.Mean, &s.Std} {
		if *to == nil {
			v := make([]float32, n)
			if err := src.ReadFloat32(names[i], 0, v); err != nil {
				return fmt.Errorf("statistics of the latents: %w", err)
			}
			*to = v
		}
	}
	return s.check(n)
}

func (s statistics) check(n int64) error {
	if int64(len(s.Mean)) != n || int64(len(s.Std)) != n {
		return fmt.Errorf("latents of %d values need as many latents_mean and latents_std, not %d and %d: %w", n, len(s.Mean), len(s.Std), errdefs.ErrInvalidArgument)
	}
	return nil
}

// denormalised is z·std/scale + mean for rows of as many values as there are statistics; normalised is the other way.
func (s statistics) denormalised(rows []float32) []float32 {
	return s.each(rows, func(v, mean, std float32) float32 { return v*std/float32(s.Scale) + mean })
}

func (s statistics) normalised(rows []float32) []float32 {
	return s.each(rows, func(v, mean, std float32) float32 { return (v - mean) * float32(s.Scale) / std })
}

func (s statistics) each(rows []float32, f func(v, mean, std float32) float32) []float32 {
	out := make([]float32, len(rows))
	for i, v := range rows {
		ch := i % len(s.Mean)
		out[i] = f(v, s.Mean[ch], s.Std[ch])
	}
	return out
}
