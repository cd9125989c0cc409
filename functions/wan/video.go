package wan

import (
	"context"
	"fmt"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
	"github.com/videosdgx/videosdgx/functions/media"
)

// encodeVideo is the latents of the request's clip, at its own rate of frames, scaled to the request's size. A clip that is
// shorter than what is asked for is refused: what it would go on with nobody has said.
func (p *Pipeline) encodeVideo(ctx context.Context, r handler.Request) (engine.Tensor, error) {
	run := vae.Chunked{Sessions: p.sessions, First: graphEncodeFirst, Next: graphEncodeNext}
	defer run.Close()
	var waiting [][]float32
	var latents []engine.Tensor
	err := r.Video.Frames(ctx, r.FPS, r.NumFrames, func(f media.RGB) error {
		waiting = append(waiting, media.Resize(f, r.Width, r.Height, media.Lanczos).Planes())
		if len(latents) > 0 && len(waiting) < int(p.c.VAE.TemporalScale()) {
			return nil
		}
		out, err := run.Run(ctx, vae.Video, p.c.VAE.Patchify(piece(0, len(waiting), func(i int) []float32 { return waiting[i] }, r.Width, r.Height)))
		if err != nil {
			return err
		}
		mean, err := out.Tensor(vae.Mean)
		latents, waiting = append(latents, mean), nil
		return err
	})
	if err != nil {
		return engine.Tensor{}, fmt.Errorf("video: %w", err)
	}
	if want := p.latentFrames(r); len(latents) < want {
		return engine.Tensor{}, tooShort(r, frames(len(latents), len(waiting), int(p.c.VAE.TemporalScale())))
	}
	z, err := vae.Join(latents)
	if err != nil {
		return z, err
	}
	return p.c.VAE.Normalise(z), nil
}

// checkVideo reads the request's clip as encodeVideo does, for one of which nothing stays.
func (p *Pipeline) checkVideo(ctx context.Context, r handler.Request) error {
	n := 0
	if err := r.Video.Frames(ctx, r.FPS, r.NumFrames, func(media.RGB) error { n++; return nil }); err != nil {
		return fmt.Errorf("video: %w", err)
	}
	if n < r.NumFrames {
		return tooShort(r, n)
	}
	return nil
}

func tooShort(r handler.Request, n int) error {
	return invalid("video has %d frames at %g a second, num_frames is %d: send a longer clip, or ask for fewer frames", n, r.FPS, r.NumFrames)
}

// frames is how many there were, of those encoded and those waiting.
func frames(latents, waiting, scale int) int {
	return max(latents-1, 0)*scale + min(latents, 1) + waiting
}
