package ltx2

import (
	"context"
	"image"
	"math"
	"slices"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
	"github.com/videosdgx/videosdgx/functions/media"
)

// frames decodes a video, and hands its frames on as they are done.
func (p *Pipeline) frames(ctx context.Context, r handler.Request, z engine.Tensor, out handler.Output) error {
	memory, _ := p.stages.Leaves(p.memory, r.Held)
	t, err := p.tiling(memory, bundle.ClipSize{Width: r.Width, Height: r.Height, Frames: r.NumFrames})
	if err != nil {
		return err
	}
	done := 0
	d := decoder{c: p.c.VAE.VideoVAEConfig, graphs: p.graphs, tiling: t}
	return d.decode(ctx, z, func(clip engine.Tensor) error {
		return vae.EmitFrames(clip, func(rgb []byte) error {
			done++
			out.Progress(handler.Progress{Phase: "decode", Step: done, Steps: r.NumFrames})
			return out.Frame(rgb)
		})
	})
}

// sound decodes rows of sound, and hands it on as a whole, so many seconds of it.
//
// The reference's ends 10 to 50 ms before the picture: a clip has the nearest whole number of latents, and the first of them is three
// spectra shorter than the others. The last latent goes on until the picture ends.
func (p *Pipeline) sound(ctx context.Context, rows []float32, seconds float64, give func(media.Sound) error) error {
	rows = p.lasting(rows, seconds)
	moments := int64(len(rows)) / p.c.Transformer.AudioInChannels
	mel, err := p.mel(ctx, unpackedSound(rows, moments, p.c.Audio.Latent))
	if err != nil {
		return err
	}
	wave, err := p.wave(ctx, mel)
	if err != nil {
		return err
	}
	channels, rate := int(wave.Shape[1]), int(p.c.Vocoder.Rate())
	samples := turned(wave.Float32(), channels)
	return give(media.Sound{Rate: rate, Channels: channels, Samples: samples[:min(int(math.Round(seconds*float64(rate)))*channels, len(samples))]})
}

// lasting repeats the last row until what is decoded of them lasts so long.
func (p *Pipeline) lasting(rows []float32, seconds float64) []float32 {
	width := int(p.c.Transformer.AudioInChannels)
	last, out := rows[len(rows)-width:], slices.Clone(rows)
	for n := p.c.heard(seconds); int64(len(out)/width) < n; {
		out = append(out, last...)
	}
	return out
}

// heard is how many latents of sound are decoded for so many seconds.
func (c configs) heard(seconds float64) int64 {
	t, factor := c.Transformer, float64(c.Audio.Factor())
	spectra := seconds * float64(t.SamplingRate) / float64(t.HopLength)
	return int64(math.Ceil((spectra + factor - 1) / factor))
}

func (p *Pipeline) mel(ctx context.Context, z engine.Tensor) (engine.Tensor, error) {
	out, err := p.graphs.Run(ctx, graphAudioDecoder, engine.Values{audioLatents: z})
	if err != nil {
		return engine.Tensor{}, err
	}
	return out.Tensor(audioMel)
}

// wave is a spectrogram's sound [1, channels, samples].
func (p *Pipeline) wave(ctx context.Context, mel engine.Tensor) (engine.Tensor, error) {
	out, err := p.graphs.Run(ctx, graphVocoder, engine.Values{vocMel: mel})
	if err != nil {
		return engine.Tensor{}, err
	}
	return out.Tensor(vocWave)
}

// previews is how many pictures a clip in the making shows.
const previews = 5

// report tells of every step, and shows pictures of some: what the clip's middle would be if denoising ended here.
func (p *Pipeline) report(ctx context.Context, r handler.Request, o order, out handler.Output) func(stage, of int, s size, now step) {
	return func(stage, of int, s size, now step) {
		at := handler.Progress{Phase: "denoise", Step: now.done, Steps: now.total}
		if of > 1 {
			at.Phase = [...]string{"denoise small", "denoise large"}[stage]
		}
		if r.Preview && !o.soundAlone && now.done%max(now.total/previews, 1) == 0 && now.done < now.total {
			if img, err := p.preview(ctx, now.estimate.video, s); err == nil { // a clip is not given up for its preview; a context that has ended is told by the next step
				at.Preview = img
			}
		}
		out.Progress(at)
	}
}

// preview is the middle latent frame, decoded as a still picture.
func (p *Pipeline) preview(ctx context.Context, rows []float32, s size) (image.Image, error) {
	each := s.height * s.width * p.c.Transformer.InChannels
	middle := s.frames / 2 * each
	z := unpacked(p.c.VAE.denormalised(rows[middle:middle+each]), 1, s.height, s.width)
	out, err := p.graphs.Run(ctx, graphDecode, engine.Values{vaeLatents: z})
	if err != nil {
		return nil, err
	}
	video, err := out.Tensor(vaeVideo)
	if err != nil {
		return nil, err
	}
	return vae.Picture(video)
}
