package wan

import (
	"context"
	"fmt"
	"image"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
	"github.com/videosdgx/videosdgx/functions/inference/vision"
	"github.com/videosdgx/videosdgx/functions/media"
)

// conditionOnImage sets the channels that follow the latent's: a mask that marks the first frame, one channel for each
// frame that a latent frame stands for, and the normalised latents of a clip that is the image and then nothing.
func (p *Pipeline) conditionOnImage(ctx context.Context, r handler.Request, d *denoiser) error {
	z, err := p.encodeFirstFrame(ctx, r)
	if err == nil && p.c.Transformer.ImageDim > 0 {
		d.image, err = p.describeImage(ctx, r.Image)
	}
	if err != nil {
		return fmt.Errorf("encode image: %w", err)
	}
	scale, plane := p.c.VAE.TemporalScale(), d.height*d.width
	d.condition = make([]float32, scale*d.frames*plane, scale*d.frames*plane+int64(len(z.Float32())))
	for c := range scale {
		first := d.condition[c*d.frames*plane:][:plane]
		for i := range first {
			first[i] = 1
		}
	}
	d.condition = append(d.condition, z.Float32()...)
	if have, want := d.c.OutChannels+scale+p.c.VAE.ZDim, d.c.InChannels; have != want {
		return invalid("the transformer takes %d channels, latents, mask and image make %d", want, have)
	}
	return nil
}

// standStill has the clip begin with the image as it is: its latents are the first frame's throughout.
func (p *Pipeline) standStill(ctx context.Context, r handler.Request, d *denoiser) error {
	r.NumFrames = 1
	z, err := p.encodeFirstFrame(ctx, r)
	if err != nil {
		return fmt.Errorf("encode image: %w", err)
	}
	d.still = z
	return nil
}

// describeImage is what the image encoder sees in the picture: the second to last of its hidden states.
func (p *Pipeline) describeImage(ctx context.Context, img image.Image) (engine.Tensor, error) {
	pixels := p.c.ImageProcessor.pixels(img)
	out, err := p.sessions.Run(ctx, graphImage, engine.Values{vision.Pixels: pixels})
	if err != nil {
		return engine.Tensor{}, err
	}
	return out.Tensor(vision.Hidden)
}

// encodeFirstFrame encodes the image followed by frames of zeros, piece by piece.
func (p *Pipeline) encodeFirstFrame(ctx context.Context, r handler.Request) (engine.Tensor, error) {
	run := vae.Chunked{Sessions: p.sessions, First: graphEncodeFirst, Next: graphEncodeNext}
	defer run.Close()
	piece := engine.Floats(planes(media.Resize(r.Image, r.Width, r.Height, media.Lanczos)), 1, 3, 1, int64(r.Height), int64(r.Width))
	scale := p.c.VAE.TemporalScale()
	zeros := engine.Zeros(1, 3, scale, int64(r.Height), int64(r.Width))
	var latents []engine.Tensor
	for range p.latentFrames(r) {
		out, err := run.Run(ctx, vae.Video, p.c.VAE.Patchify(piece))
		if err != nil {
			return engine.Tensor{}, err
		}
		mean, err := out.Tensor(vae.Mean)
		if err != nil {
			return engine.Tensor{}, err
		}
		latents = append(latents, mean)
		piece = zeros
	}
	z, err := vae.Join(latents)
	return p.c.VAE.Normalise(z), err
}

// planes is an image as [3, height, width] in [−1, 1].
func planes(img media.RGB) []float32 {
	plane := img.Width * img.Height
	out := make([]float32, 3*plane)
	for i := range plane {
		for c := range 3 {
			out[c*plane+i] = float32(img.Pix[3*i+c])/127.5 - 1
		}
	}
	return out
}
