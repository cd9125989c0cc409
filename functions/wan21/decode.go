package wan21

import (
	"context"
	"fmt"
	"image"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// decode turns normalised latents into frames, chunk by chunk, and hands each to emit.
func (p *Pipeline) decode(ctx context.Context, latents engine.Tensor, emit func(rgb []byte) error) error {
	z := p.c.VAE.Denormalise(latents)
	run := vae.Chunked{Sessions: p.sessions, First: graphDecodeFirst, Next: graphDecodeNext}
	defer run.Close()
	for t := range z.Shape[2] {
		out, err := run.Run(ctx, vae.Latent, vae.Frames(z, t, t+1))
		if err != nil {
			return fmt.Errorf("decode latent frame %d of %d: %w", t+1, z.Shape[2], err)
		}
		video, err := out.Tensor(vae.Video)
		if err != nil {
			return err
		}
		if err := vae.EmitFrames(video, emit); err != nil {
			return err
		}
	}
	return nil
}

// previews is how many pictures a clip in the making shows.
const previews = 5

// previewAt says whether a step is one that shows a picture.
func previewAt(done, total int) bool { return done%max(total/previews, 1) == 0 && done < total }

// preview is what the clip's middle frame would be if denoising ended here: its latent frame, decoded as a still picture.
func (p *Pipeline) preview(ctx context.Context, latents engine.Tensor) (image.Image, error) {
	z := p.c.VAE.Denormalise(latents)
	middle := z.Shape[2] / 2
	out, err := p.sessions.Run(ctx, graphDecodeFirst, engine.Values{vae.Latent: vae.Frames(z, middle, middle+1)})
	if err != nil {
		return nil, err
	}
	video, err := out.Tensor(vae.Video)
	if err != nil {
		return nil, err
	}
	return vae.Picture(video)
}
