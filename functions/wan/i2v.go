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

// conditionOnImage sets the channels that follow the latent's: a mask that marks the frames that are given, one channel for
// each frame that a latent frame stands for, and the normalised latents of a clip that is the first image, nothing, and the last
// image where there is one.
func (p *Pipeline) conditionOnImage(ctx context.Context, r handler.Request, d *denoiser) error {
	z, err := p.encode(ctx, r.NumFrames, func(i int) []float32 {
		switch {
		case i == 0:
			return media.Resize(r.Image, r.Width, r.Height, media.Lanczos).Planes()
		case i == r.NumFrames-1 && r.LastImage != nil:
			return media.Resize(r.LastImage, r.Width, r.Height, media.Lanczos).Planes()
		}
		return nil
	}, r.Width, r.Height)
	if err == nil && p.c.Transformer.ImageDim > 0 {
		d.image, err = p.describeImages(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("encode image: %w", err)
	}
	d.condition = append(mask(p.c.VAE.TemporalScale(), d.frames, d.height*d.width, r.LastImage != nil), z.Float32()...)
	if have, want := d.c.OutChannels+p.c.VAE.TemporalScale()+p.c.VAE.ZDim, d.c.InChannels; have != want {
		return invalid("the transformer takes %d channels, latents, mask and image make %d", want, have)
	}
	return nil
}

// mask is 1 where a frame is given, [scale, frames, plane]: all channels of the first latent frame, which is one frame, and of
// the last one the channel of its last frame.
func mask(scale, frames, plane int64, last bool) []float32 {
	m := make([]float32, scale*frames*plane)
	mark := func(channel, frame int64) {
		at := m[(channel*frames+frame)*plane:][:plane]
		for i := range at {
			at[i] = 1
		}
	}
	for c := range scale {
		mark(c, 0)
	}
	if last {
		mark(scale-1, frames-1)
	}
	return m
}

// standStill has the clip begin with the image as it is: its latents are the first frame's throughout.
func (p *Pipeline) standStill(ctx context.Context, r handler.Request, d *denoiser) error {
	z, err := p.encode(ctx, 1, func(int) []float32 { return media.Resize(r.Image, r.Width, r.Height, media.Lanczos).Planes() }, r.Width, r.Height)
	if err != nil {
		return fmt.Errorf("encode image: %w", err)
	}
	d.still = z
	return nil
}

// describeImages is what the image encoder sees in the first picture and, for transformers that take two, in the last.
func (p *Pipeline) describeImages(ctx context.Context, r handler.Request) (engine.Tensor, error) {
	first, err := p.describeImage(ctx, r.Image)
	if err != nil || r.LastImage == nil || p.c.Transformer.PosEmbedSeqLen == 0 {
		return first, err
	}
	last, err := p.describeImage(ctx, r.LastImage)
	if err != nil {
		return last, err
	}
	s := first.Shape
	return engine.Floats(append(first.Float32(), last.Float32()...), 1, 2*s[1], s[2]), nil
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

// encode gives the normalised latents of a clip that comes frame by frame, as planes [3, height, width] in [−1, 1]; nil is a
// frame of zeros. No more than a latent frame's worth of it is in memory.
func (p *Pipeline) encode(ctx context.Context, frames int, frame func(i int) []float32, width, height int) (engine.Tensor, error) {
	run := vae.Chunked{Sessions: p.sessions, First: graphEncodeFirst, Next: graphEncodeNext}
	defer run.Close()
	var latents []engine.Tensor
	for at, n := 0, 1; at < frames; at, n = at+n, int(p.c.VAE.TemporalScale()) {
		out, err := run.Run(ctx, vae.Video, p.c.VAE.Patchify(piece(at, n, frame, width, height)))
		if err != nil {
			return engine.Tensor{}, err
		}
		mean, err := out.Tensor(vae.Mean)
		if err != nil {
			return engine.Tensor{}, err
		}
		latents = append(latents, mean)
	}
	z, err := vae.Join(latents)
	if err != nil {
		return z, err
	}
	return p.c.VAE.Normalise(z), nil
}

// piece is n frames from at on, [1, 3, n, height, width].
func piece(at, n int, frame func(i int) []float32, width, height int) engine.Tensor {
	plane := width * height
	out := engine.Zeros(1, 3, int64(n), int64(height), int64(width))
	for i := range n {
		if v := frame(at + i); v != nil {
			for c := range 3 {
				copy(out.Float32()[(c*n+i)*plane:][:plane], v[c*plane:][:plane])
			}
		}
	}
	return out
}
