package ltx2

import (
	"math"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// smooth is SnakeBeta, x + sin²(x·α)/β with α and β held as logarithms; antialiased it runs at a higher rate between two
// low-pass filters.
func (g *voice) smooth(x onnx.Value, c generator, name string, channels int64, antialias bool) onnx.Value {
	if !antialias {
		return g.snake(x, name, channels)
	}
	x = g.higher(x, g.Param(name+"upsample.filter", 1, 1, c.Filter), channels, c.Ratio, kaiserPads(c.Ratio, c.Filter))
	return g.lower(g.snake(x, name+"act.", channels), g.Param(name+"downsample.filter", 1, 1, c.Filter), channels, c.Ratio, c.Filter)
}

func (g *voice) snake(x onnx.Value, name string, channels int64) onnx.Value {
	of := func(which string) onnx.Value {
		return g.Op("Exp", []onnx.Value{g.ParamAs(name+which, []int64{channels}, []int64{1, channels, 1})})
	}
	s := g.Op("Sin", []onnx.Value{g.Mul(x, of("alpha"))})
	return g.Add(x, g.Div(g.Mul(s, s), g.Add(of("beta"), g.Float(1e-9))))
}

// pads are what a resampling filter repeats at both ends, and what is cut off before and behind afterwards.
type pads struct{ repeat, before, behind int64 }

// kaiserPads are those of UpSample1d's Kaiser window.
func kaiserPads(ratio, kernel int64) pads {
	p := kernel/ratio - 1
	return pads{p, p*ratio + (kernel-ratio)/2, p*ratio + (kernel-ratio+1)/2}
}

// higher multiplies the rate: every channel goes through one filter, as rows of a batch.
func (g *voice) higher(x, filter onnx.Value, channels, ratio int64, p pads) onnx.Value {
	x = g.Op("Pad", []onnx.Value{x, g.Ints(0, 0, p.repeat, 0, 0, p.repeat)}, onnx.Str("mode", "edge"))
	x = g.Op("ConvTranspose", []onnx.Value{g.rows(x), filter}, onnx.Ints("strides", ratio))
	x = g.Mul(g.reshape(x, channels), g.Float(float32(ratio)))
	return g.Op("Slice", []onnx.Value{x, g.Ints(p.before), g.Ints(-p.behind), g.Ints(2)})
}

// lower divides the rate (DownSample1d).
func (g *voice) lower(x, filter onnx.Value, channels, ratio, kernel int64) onnx.Value {
	x = g.Op("Pad", []onnx.Value{x, g.Ints(0, 0, kernel/2+kernel%2-1, 0, 0, kernel/2)}, onnx.Str("mode", "edge"))
	return g.reshape(g.Op("Conv", []onnx.Value{g.rows(x), filter}, onnx.Ints("strides", ratio)), channels)
}

// rows is x [batch, channels, time] as [batch·channels, 1, time].
func (g *voice) rows(x onnx.Value) onnx.Value {
	return g.Reshape(x, g.Concat(0, g.Ints(-1, 1), g.DimOf(x, 2)))
}

// extended adds to the wave at the higher rate what a second generator makes of its spectrogram.
func (g *voice) extended(x onnx.Value, c VocoderConfig) onnx.Value {
	wave := g.generate(x, c.generator, "vocoder.")
	ratio := c.OutputRate / c.InputRate
	samples := g.Mul(g.DimOf(wave, 2), g.Ints(ratio))
	missing := g.Op("Mod", []onnx.Value{g.Op("Neg", []onnx.Value{g.DimOf(wave, 2)}), g.Ints(c.Hop)})
	wave = g.Op("Pad", []onnx.Value{wave, g.Concat(0, g.Ints(0, 0, 0, 0, 0), missing)}) // to whole hops
	residual := g.generate(g.logMel(wave, c), c.bwe(), "bwe_generator.")
	filter, p := hannFilter(ratio)
	skip := g.higher(wave, g.Floats("resampler", []int64{1, 1, int64(len(filter))}, filter), c.OutChannels, ratio, p)
	sum := g.Op("Clip", []onnx.Value{g.Add(residual, skip), g.Float(-1), g.Float(1)})
	return g.Op("Slice", []onnx.Value{sum, g.Ints(0), samples, g.Ints(2)})
}

// logMel is the spectrogram of a wave [batch, channels·bins, frames]: a transform by the checkpoint's own bases, which sees
// nothing to come, and the logarithm of its magnitudes in mel bins.
func (g *voice) logMel(wave onnx.Value, c VocoderConfig) onnx.Value {
	const name = "mel_stft."
	freqs := c.STFT/2 + 1
	x := g.Op("Pad", []onnx.Value{g.rows(wave), g.Ints(0, 0, max(0, c.Window-c.Hop), 0, 0, 0)})
	spec := g.Op("Conv", []onnx.Value{x, g.Param(name+"stft_fn.forward_basis", 2*freqs, 1, c.STFT)}, onnx.Ints("strides", c.Hop))
	parts := g.Split(spec, 1, 2)
	magnitude := g.Op("Sqrt", []onnx.Value{g.Add(g.Mul(parts[0], parts[0]), g.Mul(parts[1], parts[1]))})
	mel := g.MatMul(g.Param(name+"mel_basis", c.Mels, freqs), magnitude)
	return g.reshape(g.Op("Log", []onnx.Value{g.Op("Max", []onnx.Value{mel, g.Float(1e-5)})}), c.BWEIn)
}

// hannFilter is the windowed sinc that raises the rate of the first generator's wave; checkpoints do not carry it (UpSample1d with
// a Hann window).
func hannFilter(ratio int64) ([]float32, pads) {
	const rolloff, lobes = 0.99, 6.0
	width := int64(math.Ceil(lobes / rolloff))
	kernel := 2*width*ratio + 1
	filter := make([]float32, kernel)
	for i := range filter {
		t := (float64(i)/float64(ratio) - float64(width)) * rolloff
		window := math.Cos(min(max(t, -lobes), lobes) * math.Pi / lobes / 2)
		filter[i] = float32(sinc(t) * window * window * rolloff / float64(ratio))
	}
	return filter, pads{width, 2 * width * ratio, kernel - ratio}
}

func sinc(t float64) float64 {
	if t == 0 {
		return 1
	}
	return math.Sin(math.Pi*t) / (math.Pi * t)
}
