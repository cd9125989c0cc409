package ltx2

import (
	"context"
	"image"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/media"
)

// hold has a denoiser keep the request's pictures: the first takes the place of the clip's first latent frame, the last stands
// beside the clip as tokens of its own, at the time of the last frame.
func (p *Pipeline) hold(ctx context.Context, o order, s size, d *denoiser) error {
	if o.r.Image == nil && o.r.LastImage == nil {
		return nil
	}
	var first []float32
	if o.r.Image != nil {
		var err error
		if first, err = p.picture(ctx, o.r.Image, s); err != nil {
			return err
		}
	}
	d.keep(first, s)
	if o.r.LastImage == nil {
		return nil
	}
	last, err := p.picture(ctx, o.r.LastImage, s)
	if err != nil {
		return err
	}
	frame := (s.frames-2)*p.c.VAE.TemporalScale() + 1 // where the last latent frame begins
	d.append(last, p.c.Transformer.keyframePositions(frame, s.height, s.width, o.r.FPS))
	return nil
}

// keep holds the first of the clip's latents at rows, which may be none.
func (d *denoiser) keep(rows []float32, s size) {
	d.held, d.clean = make([]float32, s.points()), make([]float32, s.points()*d.c.InChannels)
	copy(d.clean, rows)
	for i := range int64(len(rows)) / d.c.InChannels {
		d.held[i] = 1
	}
}

// append holds rows beside the clip, at positions of their own.
func (d *denoiser) append(rows []float32, at positions) {
	d.clean = append(d.clean, rows...)
	for range at.tokens() {
		d.held = append(d.held, 1)
	}
	d.video.values = append(d.video.values, at.values...)
}

// picture is a still image's normalised latents, in rows: of the image as a frame of a clip would be, which the models were
// trained on.
func (p *Pipeline) picture(ctx context.Context, img image.Image, s size) ([]float32, error) {
	scale := p.c.VAE.SpatialScale()
	w, h := s.width*scale, s.height*scale
	rgb := media.Resize(img, int(w), int(h), media.Lanczos)
	if p.defaults.ImageCRF > 0 {
		var err error
		if rgb, err = media.Recompressed(ctx, rgb, p.defaults.ImageCRF); err != nil {
			return nil, err
		}
	}
	z, err := p.encode(ctx, engine.Floats(rgb.Planes(), 1, 3, 1, h, w))
	if err != nil {
		return nil, err
	}
	return p.c.VAE.normalised(packed(z)), nil
}

// encode is the mean of the latents of a clip.
func (p *Pipeline) encode(ctx context.Context, clip engine.Tensor) (engine.Tensor, error) {
	out, err := p.graphs.Run(ctx, graphEncode, engine.Values{vaeVideo: clip})
	if err != nil {
		return engine.Tensor{}, err
	}
	return out.Tensor(vaeLatents)
}
