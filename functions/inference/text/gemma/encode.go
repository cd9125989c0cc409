package gemma

import (
	"math"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// Inputs are those of the encoder's graph for rows of token ids [batch, tokens] and of counts, which are 0 for padding.
// Positions count from the row's first place, padding or not, as in the reference.
func (c Config) Inputs(ids []int64, counts []int64, batch int64) engine.Values {
	tokens := int64(len(ids)) / batch
	in := engine.Values{tokensInput: engine.Ints(ids, batch, tokens)}
	for kind, name := range map[string]string{sliding: "local", full: "global"} {
		theta, factor, _ := c.rope(kind) // Validate has refused what it cannot read
		in[name+"_cos"], in[name+"_sin"] = c.rotary(theta, factor, batch, tokens)
		window := tokens
		if kind == sliding {
			window = c.Window
		}
		in[name+"_mask"] = mask(counts, batch, tokens, window)
	}
	return in
}

// rotary are the tables of positions 0…tokens−1, the same for every row.
func (c Config) rotary(theta, factor float64, batch, tokens int64) (cos, sin engine.Tensor) {
	half := c.HeadDim / 2
	freqs := make([]float32, half)
	for i := range freqs {
		freqs[i] = float32(1 / math.Pow(theta, float64(2*i)/float64(c.HeadDim)) / factor)
	}
	co, si := make([]float32, 0, batch*tokens*half), make([]float32, 0, batch*tokens*half)
	for range batch {
		for p := range tokens {
			for _, freq := range freqs {
				angle := float64(float32(p) * freq)
				co, si = append(co, float32(math.Cos(angle))), append(si, float32(math.Sin(angle)))
			}
		}
	}
	return engine.Floats(co, batch, tokens, half), engine.Floats(si, batch, tokens, half)
}

// mask lets a token see those before it that count and are less than window away. What it may not see is far below any score,
// and a number in FP16 too: a row that sees nothing, padding, would be none.
func mask(counts []int64, batch, tokens, window int64) engine.Tensor {
	const never = -6e4
	m := make([]float32, 0, batch*tokens*tokens)
	for b := range batch {
		for q := range tokens {
			for k := range tokens {
				v := float32(0)
				if k > q || q-k >= window || counts[b*tokens+k] == 0 {
					v = never
				}
				m = append(m, v)
			}
		}
	}
	return engine.Floats(m, batch, 1, tokens, tokens)
}
