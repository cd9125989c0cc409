package text

import (
	"fmt"
	"unicode/utf8"

	"github.com/containerd/errdefs"
)

// piece is a part of the text on its way: a token already, or text that still has to become tokens.
type piece struct {
	text  string
	id    int64
	token bool
	first bool // begins where the whole text begins
}

// encode runs the library's steps in its order: added tokens in the raw text, the normalizer on what lies between, added
// tokens in the normalized text, the pre-tokenizer, the model.
func (t *Tokenizer) encode(s string) ([]int64, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("the text is not valid UTF-8: %w", errdefs.ErrInvalidArgument)
	}
	pieces := each([]piece{{text: s, first: true}}, t.raw.split)
	pieces = each(pieces, func(p piece) []piece {
		if t.normalizer != nil {
			text, moved := t.normalizer.normalize(p.text)
			p.text, p.first = text, p.first && !moved
		}
		return t.normal.split(p)
	})
	if t.pre != nil {
		pieces = each(pieces, t.pre.split)
	}
	var ids []int64
	for _, p := range pieces {
		if p.token {
			ids = append(ids, p.id)
			continue
		}
		more, err := t.model.encode(p.text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	return ids, nil
}

// each applies f to the pieces that are text, and drops the empty ones.
func each(pieces []piece, f func(piece) []piece) []piece {
	var out []piece
	for _, p := range pieces {
		if p.token {
			out = append(out, p)
			continue
		}
		for _, q := range f(p) {
			if q.token || q.text != "" {
				out = append(out, q)
			}
		}
	}
	return out
}
