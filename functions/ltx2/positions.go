package ltx2

import (
	"math"
	"runtime"
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// positions are where tokens lie: for each token and axis the middle of its span, as a fraction of the longest clip that the
// model knows. Axes are seconds, height, width; sound has seconds alone.
type positions struct {
	axes   int
	values []float32 // [tokens, axes]
}

func (p positions) tokens() int64 { return int64(len(p.values) / p.axes) }

// videoPositions are those of a grid of latents. The first latent frame stands for one picture, each other for as many as
// the VAE packs together, so that spans in time are shifted and cut at 0 (prepare_video_coords).
func (c TransformerConfig) videoPositions(frames, height, width int64, fps float64) positions {
	p := positions{axes: 3}
	base := [3]float32{float32(c.MaxPos), float32(c.BaseHeight), float32(c.BaseWidth)}
	for f := range frames {
		for h := range height {
			for w := range width {
				p.values = append(p.values, c.seconds(f, fps)/base[0], middle(h, c.VAEScale[1])/base[1], middle(w, c.VAEScale[2])/base[2])
			}
		}
	}
	return p
}

func middle(i, scale int64) float32 { return (float32(i*scale) + float32((i+1)*scale)) / 2 }

func (c TransformerConfig) seconds(frame int64, fps float64) float32 {
	at := func(i int64) float32 {
		return float32(max(0, i*c.VAEScale[0]+*c.CausalOffset-c.VAEScale[0])) / float32(fps)
	}
	return (at(frame) + at(frame+1)) / 2
}

// keyframePositions are those of a picture's latents that stand beside the clip's, at one of its frames: one frame long, and not
// shifted.
func (c TransformerConfig) keyframePositions(frame, height, width int64, fps float64) positions {
	p := positions{axes: 3}
	at := (float32(frame)/float32(fps) + float32(frame+1)/float32(fps)) / 2
	for h := range height {
		for w := range width {
			p.values = append(p.values, at/float32(c.MaxPos), middle(h, c.VAEScale[1])/float32(c.BaseHeight), middle(w, c.VAEScale[2])/float32(c.BaseWidth))
		}
	}
	return p
}

// audioPositions are those of latents of sound, each of them audio_scale_factor bins of a mel spectrogram long.
func (c TransformerConfig) audioPositions(tokens int64) positions {
	p := positions{axes: 1}
	at := func(i int64) float32 {
		return float32(max(0, i*c.AudioScale+*c.CausalOffset-c.AudioScale)) * float32(c.HopLength) / float32(c.SamplingRate)
	}
	for i := range tokens {
		p.values = append(p.values, (at(i)+at(i+1))/2/float32(c.AudioMaxPos))
	}
	return p
}

// time is the first axis alone, over the longer of the two streams' clips: how the streams see each other.
func (p positions) time(from, to int64) positions {
	t := positions{axes: 1}
	for i := 0; i < len(p.values); i += p.axes {
		t.values = append(t.values, p.values[i]*float32(from)/float32(to))
	}
	return t
}

// rotaryTables are those of a width: cosines and sines [1, tokens, heads, 1, width/heads/2], or for interleaved pairs
// [1, tokens, width/2, 1]. Frequencies run from π/2 to theta·π/2 in equal ratios and are computed in float64; all axes' angles
// of one frequency stand together; what does not divide is left unturned, in front.
func rotaryTables(p positions, theta float64, kind string, width, heads int64) (cos, sin engine.Tensor) {
	steps := width / int64(2*p.axes)
	freqs := make([]float32, steps)
	for i := range freqs {
		at := 0.0
		if steps > 1 {
			at = float64(i) / float64(steps-1)
		}
		freqs[i] = float32(math.Pow(theta, at) * math.Pi / 2)
	}
	tokens, half := p.tokens(), width/2
	co, si := make([]float32, tokens*half), make([]float32, tokens*half)
	inParts(int(tokens), int(half), func(from, to int) { p.turn(co, si, int(half), freqs, from, to) })
	shape := []int64{1, tokens, heads, 1, half / heads}
	if kind == ropeInterleaved {
		shape = []int64{1, tokens, half, 1}
	}
	return engine.Floats(co, shape...), engine.Floats(si, shape...)
}

// turn fills the rows of some tokens, each half a width long.
func (p positions) turn(co, si []float32, half int, freqs []float32, from, to int) {
	known := map[float32]turn{} // a grid has few different places on each axis
	for t := from; t < to; t++ {
		front := (t+1)*half - len(freqs)*p.axes
		for i := t * half; i < front; i++ {
			co[i] = 1
		}
		for axis, v := range p.values[t*p.axes : (t+1)*p.axes] {
			at, ok := known[v]
			if !ok {
				at = turnOf(v, freqs)
				known[v] = at
			}
			for i := range freqs {
				co[front+i*p.axes+axis], si[front+i*p.axes+axis] = at.cos[i], at.sin[i]
			}
		}
	}
}

// inParts does what is to be done for n rows of a width on all processors, where there are enough of them.
func inParts(n, width int, do func(from, to int)) {
	const least = 1 << 16 // values that a processor is given: fewer are done sooner than handed over
	parts := max(1, min(runtime.GOMAXPROCS(0), n*width/least))
	var all sync.WaitGroup
	for i := range parts {
		all.Go(func() { do(n*i/parts, n*(i+1)/parts) })
	}
	all.Wait()
}

// turn is how far a place turns, by each frequency.
type turn struct{ cos, sin []float32 }

func turnOf(v float32, freqs []float32) turn {
	t := turn{make([]float32, len(freqs)), make([]float32, len(freqs))}
	for i, f := range freqs {
		sin, cos := math.Sincos(float64((v*2 - 1) * f))
		t.cos[i], t.sin[i] = float32(cos), float32(sin)
	}
	return t
}

// tables sets the rotary inputs of a clip.
func tables(in engine.Values, c TransformerConfig, video, audio positions) {
	longer := max(c.MaxPos, c.AudioMaxPos)
	for name, t := range map[string]struct {
		p            positions
		width, heads int64
	}{
		"video": {video, c.Dim(), c.NumHeads}, "audio": {audio, c.AudioDim(), c.AudioNumHeads},
		"video_cross": {video.time(c.MaxPos, longer), c.AudioDim(), c.AudioNumHeads},
		"audio_cross": {audio.time(c.AudioMaxPos, longer), c.AudioDim(), c.AudioNumHeads},
	} {
		in[name+"_cos"], in[name+"_sin"] = rotaryTables(t.p, c.RopeTheta, c.Rope, t.width, t.heads)
	}
}

// textMask turns 1 for a token that counts and 0 for one that does not into what is added to attention's scores.
func textMask(counts []float32) []float32 {
	out := make([]float32, len(counts))
	for i, m := range counts {
		out[i] = (1 - m) * -10000
	}
	return out
}
