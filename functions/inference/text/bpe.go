package text

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/containerd/errdefs"
)

// bpe is the model that joins neighbours, the best pair first, until none is left to join. Characters that it does not know
// become their bytes where it has all of them.
type bpe struct {
	ids          map[string]int32
	merges       []merge // by pair
	unk          int32   // −1: what is unknown is left out
	fuse         bool    // neighbouring unknown characters are one token
	byteFallback bool
	whole        bool // a piece that the vocabulary has is not taken apart
}

// merge is a pair that is joined; of two pairs that with the lower rank goes first.
type merge struct {
	pair     [2]int32
	rank, id int32
}

func byPair(a, b merge) int {
	return cmp.Or(cmp.Compare(a.pair[0], b.pair[0]), cmp.Compare(a.pair[1], b.pair[1]))
}

func parseBPE(parts map[string]json.RawMessage) (*bpe, error) {
	m := struct {
		Unk            *string
		Dropout        *float64
		Prefix, Suffix *string
	}{}
	b := &bpe{unk: -1}
	if err := fields(parts, map[string]any{"unk_token": &m.Unk, "dropout": &m.Dropout, "continuing_subword_prefix": &m.Prefix, "end_of_word_suffix": &m.Suffix,
		"fuse_unk": &b.fuse, "byte_fallback": &b.byteFallback, "ignore_merges": &b.whole}); err != nil {
		return nil, err
	}
	if m.Dropout != nil && *m.Dropout != 0 || m.Prefix != nil && *m.Prefix != "" || m.Suffix != nil && *m.Suffix != "" {
		return nil, fmt.Errorf("tokenizer model BPE with dropout, continuing_subword_prefix or end_of_word_suffix is not supported: %w", errdefs.ErrNotImplemented)
	}
	var err error
	if b.ids, err = idsByPiece(parts["vocab"]); err != nil {
		return nil, fmt.Errorf("tokenizer model: vocab: %w", err)
	}
	if m.Unk != nil {
		id, ok := b.ids[*m.Unk]
		if !ok {
			return nil, fmt.Errorf("tokenizer model: unk_token %q is not in the vocabulary: %w", *m.Unk, errdefs.ErrDataLoss)
		}
		b.unk = id
	}
	return b, b.readMerges(parts["merges"])
}

// readMerges reads the pairs in their order; the later of two equal ones counts.
func (b *bpe) readMerges(raw json.RawMessage) error {
	rank := int32(0)
	err := pairs(raw, func(left, right string) error {
		l, okLeft := b.ids[left]
		r, okRight := b.ids[right]
		id, ok := b.ids[left+right]
		if !okLeft || !okRight || !ok {
			return fmt.Errorf("%q and %q are joined, but they or what they make are not in the vocabulary: %w", left, right, errdefs.ErrDataLoss)
		}
		b.merges = append(b.merges, merge{[2]int32{l, r}, rank, id})
		rank++
		return nil
	})
	if err != nil {
		return fmt.Errorf("tokenizer model: merges: %w", err)
	}
	slices.Reverse(b.merges)
	slices.SortStableFunc(b.merges, byPair)
	b.merges = slices.CompactFunc(b.merges, func(a, c merge) bool { return a.pair == c.pair })
	return nil
}

func (b *bpe) size() int { return len(b.ids) }

func (b *bpe) find(piece string) (int32, bool) {
	id, ok := b.ids[piece]
	return id, ok
}

func (b *bpe) encode(s string) ([]int64, error) {
	if id, ok := b.ids[s]; ok && b.whole {
		return []int64{int64(id)}, nil
	}
	all := joined(b.characters(s), func(l, r symbol) (merge, bool) {
		at, ok := slices.BinarySearchFunc(b.merges, merge{pair: [2]int32{l.id, r.id}}, byPair)
		if !ok {
			return merge{}, false
		}
		return b.merges[at], true
	})
	ids := make([]int64, len(all))
	for i, s := range all {
		ids[i] = int64(s.id)
	}
	return ids, nil
}

// characters are where joining begins. As in the library, an unknown character waits for the next one that is known, also past
// others that become bytes.
func (b *bpe) characters(s string) (all []symbol) {
	unknown := 0
	flush := func() {
		for range unknown {
			all = append(all, symbol{id: b.unk})
		}
		unknown = 0
	}
	for at := 0; at < len(s); {
		_, width := utf8.DecodeRuneInString(s[at:])
		c := s[at : at+width]
		at += width
		if id, ok := b.ids[c]; ok {
			flush()
			all = append(all, symbol{id: id})
		} else if bytes, ok := b.bytes(c); ok {
			all = append(all, bytes...)
		} else if b.unk >= 0 && (unknown == 0 || !b.fuse) {
			flush()
			unknown++
		}
	}
	flush()
	return all
}

// bytes spells a character in byte tokens; false when the model has not all of them, or does not fall back.
func (b *bpe) bytes(c string) (all []symbol, ok bool) {
	if !b.byteFallback {
		return nil, false
	}
	for i := range len(c) {
		id, ok := b.ids[byteToken(c[i])]
		if !ok {
			return nil, false
		}
		all = append(all, symbol{id: id})
	}
	return all, true
}
