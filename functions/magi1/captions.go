package magi1

import (
	"fmt"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// nullTokens are those of the null caption that count.
const nullTokens = 50

// specialTokens are embeddings that stand before a caption: special_tokens.npz, rounded to half precision.
type specialTokens struct {
	caption, logo []float32
	other         []float32 // row after row
}

// Rows of the other special tokens.
const (
	tokenTrans    = 0
	tokens2DAnime = 16
	tokenDuration = 7 // the first of eight, by how many chunks follow: 7 for seven or more
	durations     = 8
)

// specialKinds are what a request or the defaults may ask for, in the order in which they are put in front: the last stands
// first.
var specialKinds = []struct {
	name string
	row  int
}{{"static", 2}, {"dynamic", 3}, {"borderness", 4}, {"hq", 1}, {"3d_model", 15}, {"2d_anime", tokens2DAnime}, {"duration", tokenDuration}}

// row is one token.
func (s specialTokens) row(i, size int) []float32 { return s.other[i*size : (i+1)*size] }

// captionMaker makes the captions of a clip's chunks.
type captionMaker struct {
	size     int // of an embedding
	null     []float32
	special  specialTokens
	kinds    []string // of special tokens
	negative bool     // the null caption says what is not wanted
}

func (m captionMaker) length() int { return len(m.null) / m.size }

// captionSet are the captions of a clip.
type captionSet struct {
	captionMaker
	prompt []float32 // [tokens, size], as long as the null caption
	mask   []int64
	chunks int // with those of the prefix
	prefix int // whole chunks of it
}

// row is a caption: embeddings and which of them count.
type row struct {
	tokens []float32
	mask   []int64
}

func (m captionMaker) before(r row, token []float32, mask bool) row {
	n := m.length()
	r.tokens = slices.Concat(token, r.tokens)
	r.tokens = r.tokens[:min(len(r.tokens), n*m.size)]
	if mask {
		r.mask = slices.Concat([]int64{1}, r.mask)
		r.mask = r.mask[:min(len(r.mask), n)]
	}
	return r
}

// textRow is the caption of a chunk with the prompt. Without a prompt it is the null one.
func (s captionSet) textRow(chunk int) row {
	if !slices.Contains(s.mask, 1) {
		return s.nullRow()
	}
	if chunk < s.prefix {
		return row{s.null, make([]int64, s.length())}
	}
	r := row{s.prompt, s.mask}
	for _, k := range specialKinds {
		if !slices.Contains(s.kinds, k.name) {
			continue
		}
		at := k.row
		if k.row == tokenDuration {
			at += min(s.chunks-1-chunk, durations-1)
		}
		r = s.before(r, s.special.row(at, s.size), true)
	}
	return r
}

// nullRow is the caption without a prompt.
func (s captionSet) nullRow() row {
	r := row{s.null, make([]int64, s.length())}
	if s.negative {
		for _, token := range [][]float32{s.special.caption, s.special.logo, s.special.row(tokenTrans, s.size), s.special.row(4, s.size)} {
			r = s.before(r, token, false)
		}
	}
	for i := range min(nullTokens, len(r.mask)) {
		r.mask[i] = 1
	}
	return r
}

func (s captionSet) withText(chunk int) caption { return s.counting(s.textRow(chunk)) }
func (s captionSet) without(int) caption        { return s.counting(s.nullRow()) }

// counting are the tokens that count.
func (s captionSet) counting(r row) caption {
	var out []float32
	for i, m := range r.mask {
		if m != 0 {
			out = append(out, r.tokens[i*s.size:(i+1)*s.size]...)
		}
	}
	return engine.Floats(out, 1, int64(len(out)/s.size), int64(s.size))
}

// checkSpecial says which kinds of special tokens there are.
func checkSpecial(kinds []string) error {
	var names []string
	for _, k := range specialKinds {
		names = append(names, k.name)
	}
	for _, k := range kinds {
		if !slices.Contains(names, k) {
			return fmt.Errorf("special token %q is not known: %q would do: %w", k, names, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}
