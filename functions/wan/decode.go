package wan

import (
	"context"
	"image"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// decode turns normalised latents into frames and hands them to emit as they come, as clips [1, 3, frames, H, W]. What would not
// fit the device is decoded in tiles.
func (p *Pipeline) decode(ctx context.Context, r handler.Request, latents engine.Tensor, emit func(clip engine.Tensor) error) error {
	s, scale := latents.Shape, p.c.VAE.SpatialScale()
	tiling, err := p.fitting(r).Tiling(scale*s[3], scale*s[4])
	if err != nil {
		return err
	}
	coder := vae.Coder{Config: p.c.VAE, Sessions: p.sessions, First: graphDecodeFirst, Next: graphDecodeNext, Tiling: tiling, Lent: true}
	return coder.Decode(ctx, p.c.VAE.Denormalise(latents), emit)
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
	return vae.Picture(p.c.VAE.Unpatchify(video))
}
