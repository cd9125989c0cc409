package text

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/containerd/errdefs"
)

// unkPenalty is how much worse than the worst piece an unknown character is.
const unkPenalty = 10

// unigram is the model: pieces with log probabilities, of which the most probable segmentation is taken.
type unigram struct {
	pieces       []scored
	ids          map[string]int32
	longest      int // bytes of the longest piece
	unk          int32
	unkScore     float64
	byteFallback bool
}

type scored struct {
	text  string
	score float64
}

func parseUnigram(parts map[string]json.RawMessage) (*unigram, error) {
	var m struct {
		UnkID        *int32
		ByteFallback bool
	}
	if err := fields(parts, map[string]any{"unk_id": &m.UnkID, "byte_fallback": &m.ByteFallback}); err != nil {
		return nil, err
	}
	vocab, err := vocabulary(parts["vocab"])
	if err != nil {
		return nil, fmt.Errorf("tokenizer model: vocab: %w", err)
	}
	u := &unigram{pieces: vocab, ids: make(map[string]int32, len(vocab)), unk: -1, byteFallback: m.ByteFallback}
	worst := math.Inf(1)
	for i, p := range vocab {
		u.ids[p.text] = int32(i)
		u.longest = max(u.longest, len(p.text))
		worst = min(worst, p.score)
	}
	u.unkScore = worst - unkPenalty
	if m.UnkID != nil {
		u.unk = *m.UnkID
		if int(u.unk) >= len(vocab) || u.unk < 0 {
			return nil, fmt.Errorf("tokenizer model: unk_id %d is outside the vocabulary of %d: %w", u.unk, len(vocab), errdefs.ErrDataLoss)
		}
	}
	return u, nil
}

func (u *unigram) size() int { return len(u.pieces) }

func (u *unigram) find(piece string) (int32, bool) {
	id, ok := u.ids[piece]
	return id, ok
}

type step struct {
	score float64
	from  int // byte where the last piece begins; -1: not reached
	id    int32
}

// best is the Viterbi pass: for every byte position, the last piece of the best segmentation that ends there.
func (u *unigram) best(s string) ([]step, error) {
	ends := make([]step, len(s)+1)
	for i := range ends {
		ends[i].from = -1
	}
	for at := 0; at < len(s); {
		_, width := utf8.DecodeRuneInString(s[at:])
		here, single := ends[at].score, false
		for end := at + width; end <= min(len(s), at+u.longest); {
			if id, ok := u.ids[s[at:end]]; ok {
				reach(&ends[end], step{here + u.pieces[id].score, at, id})
				single = single || end == at+width
			}
			if end == len(s) {
				break
			}
			_, w := utf8.DecodeRuneInString(s[end:])
			end += w
		}
		if !single {
			if u.unk < 0 {
				return nil, fmt.Errorf("the tokenizer has no token for %q: %w", s[at:at+width], errdefs.ErrInvalidArgument)
			}
			reach(&ends[at+width], step{here + u.unkScore, at, u.unk})
		}
		at += width
	}
	return ends, nil
}

// reach keeps the better of two ways to a position; of equals, the one found first.
func reach(have *step, s step) {
	if have.from < 0 || s.score > have.score {
		*have = s
	}
}

// encode gives the ids of one piece of text. Neighbouring unknown characters become one token, or their bytes where the
// model falls back to bytes.
func (u *unigram) encode(s string) ([]int64, error) {
	ends, err := u.best(s)
	if err != nil {
		return nil, err
	}
	var words []string // last first
	unknownFrom := -1  // end of a run of unknown characters
	for end := len(s); end > 0; {
		e := ends[end]
		if e.id == u.unk {
			if unknownFrom < 0 {
				unknownFrom = end
			}
		} else {
			if unknownFrom >= 0 {
				words = append(words, s[end:unknownFrom])
				unknownFrom = -1
			}
			words = append(words, s[e.from:end])
		}
		end = e.from
	}
	if unknownFrom >= 0 {
		words = append(words, s[:unknownFrom])
	}
	slices.Reverse(words)
	return u.lookup(words), nil
}

func (u *unigram) lookup(words []string) []int64 {
	var out []int64
	for _, w := range words {
		if id, ok := u.ids[w]; ok {
			out = append(out, int64(id))
		} else if bytes, ok := u.bytes(w); ok {
			out = append(out, bytes...)
		} else {
			out = append(out, int64(u.unk))
		}
	}
	return out
}

// bytes spells a word in byte tokens; false when the model has not all of them.
func (u *unigram) bytes(w string) ([]int64, bool) {
	if !u.byteFallback {
		return nil, false
	}
	out := make([]int64, 0, len(w))
	for i := range len(w) {
		id, ok := u.ids[byteToken(w[i])]
		if !ok {
			return nil, false
		}
		out = append(out, int64(id))
	}
	return out, true
}
