package wan21

import (
	"context"
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// decode turns normalised latents into frames, chunk by chunk, and hands each to emit.
func (p *Pipeline) decode(ctx context.Context, latents engine.Tensor, emit func(rgb []byte) error) error {
	z := p.c.VAE.denormalise(latents)
	run := chunked{sessions: p.sessions, first: graphDecodeFirst, next: graphDecodeNext}
	defer run.close()
	for t := range z.Shape[2] {
		out, err := run.run(ctx, vaeLatent, frames(z, t, t+1))
		if err != nil {
			return fmt.Errorf("decode latent frame %d of %d: %w", t+1, z.Shape[2], err)
		}
		if emit == nil {
			continue
		}
		video, err := out.Tensor(vaeVideo)
		if err != nil {
			return err
		}
		if err := emitFrames(video, emit); err != nil {
			return err
		}
	}
	return nil
}

// denormalise is z·std + mean per channel.
func (c VAEConfig) denormalise(z engine.Tensor) engine.Tensor {
	return c.perChannel(z, func(v, mean, std float32) float32 { return v*std + mean })
}

// normalise is (z − mean)/std per channel.
func (c VAEConfig) normalise(z engine.Tensor) engine.Tensor {
	return c.perChannel(z, func(v, mean, std float32) float32 { return (v - mean) / std })
}

func (c VAEConfig) perChannel(z engine.Tensor, f func(v, mean, std float32) float32) engine.Tensor {
	out := make([]float32, len(z.Float32()))
	each := len(out) / int(z.Shape[1])
	for i, v := range z.Float32() {
		ch := i / each
		out[i] = f(v, float32(c.LatentsMean[ch]), float32(c.LatentsStd[ch]))
	}
	return engine.Floats(out, z.Shape...)
}

// emitFrames takes [1, 3, T, H, W] in [−1, 1] apart into rows of RGB.
func emitFrames(clip engine.Tensor, emit func(rgb []byte) error) error {
	count, plane := clip.Shape[2], clip.Shape[3]*clip.Shape[4]
	rgb, v := make([]byte, 3*plane), clip.Float32()
	for t := range count {
		for c := range int64(3) {
			from := v[(c*count+t)*plane : (c*count+t+1)*plane]
			for i, x := range from {
				rgb[3*i+int(c)] = toByte(x)
			}
		}
		if err := emit(rgb); err != nil {
			return err
		}
	}
	return nil
}

// toByte maps [−1, 1] to 0…255, rounding to nearest.
func toByte(x float32) byte {
	return byte(min(max(x*127.5+128, 0), 255)) // 127.5 to the middle, 0.5 to round
}
