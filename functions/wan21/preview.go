package wan21

import (
	"context"
	"image"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// previews is how many pictures a clip in the making shows.
const previews = 5

// watch passes on what an observer wants to hear of the steps.
func (p *Pipeline) watch(ctx context.Context, d *denoiser, o Observer) stepped {
	return func(done, total int, estimate []float32) error {
		if o.Step != nil {
			o.Step(done, total)
		}
		if o.Preview == nil || done%max(total/previews, 1) != 0 || done == total {
			return nil
		}
		img, err := p.preview(ctx, engine.Floats(estimate, d.shape()...))
		if err == nil {
			o.Preview(img)
		}
		return err
	}
}

// preview is what the clip's middle frame would be if denoising ended here: its latent frame, decoded as a still picture.
func (p *Pipeline) preview(ctx context.Context, latents engine.Tensor) (image.Image, error) {
	z := p.c.VAE.denormalise(latents)
	middle := z.Shape[2] / 2
	out, err := p.sessions.run(ctx, graphDecodeFirst, engine.Values{vaeLatent: frames(z, middle, middle+1)})
	if err != nil {
		return nil, err
	}
	video, err := out.Tensor(vaeVideo)
	if err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, int(video.Shape[4]), int(video.Shape[3])))
	return img, emitFrames(video, func(rgb []byte) error {
		for i := range len(rgb) / 3 {
			copy(img.Pix[4*i:], []byte{rgb[3*i], rgb[3*i+1], rgb[3*i+2], 255})
		}
		return nil
	})
}
