package magi1

import (
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// specialFile is the published table of special tokens, beside model_index.json and in a bundle.
const specialFile = "special_tokens.npz"

// readSpecial reads the table, rounded as the published pipeline does.
func readSpecial(path string, size int) (s specialTokens, err error) {
	all, err := weights.ReadNPZ(path)
	if err != nil {
		return s, err
	}
	for _, part := range []struct {
		name string
		rows int64
		to   *[]float32
	}{{"caption_token", 1, &s.caption}, {"logo_token", 1, &s.logo}, {"other_tokens", tokens2DAnime + 1, &s.other}} {
		a := all[part.name]
		if len(a.Shape) != 2 || a.Shape[0] < part.rows || a.Shape[1] != int64(size) {
			return s, invalid("%s: %s has the shape %v; at least %d rows of %d values are needed", path, part.name, a.Shape, part.rows, size)
		}
		if *part.to, err = halves(a.Values); err != nil {
			return s, err
		}
	}
	return s, nil
}

// halves rounds to half precision.
func halves(v []float32) ([]float32, error) {
	raw, err := weights.Encode(weights.F16, v)
	if err != nil {
		return nil, err
	}
	return weights.Decode(weights.F16, raw), nil
}
