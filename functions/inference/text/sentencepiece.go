package text

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/containerd/errdefs"
	"google.golang.org/protobuf/encoding/protowire"
)

// sentencePiece is the BPE model of a tokenizer.model, the library's own file: pairs are joined by the score of what they spell.
type sentencePiece struct {
	pieces   []spPiece
	ids      map[string]int32 // of pieces that text can become
	all      map[string]int32 // and of those that it cannot, such as <bos>
	ranks    []int32          // by id: 0 is the best score
	user     [256][]string    // pieces that are found first and are joined to nothing, by first byte, longest first
	unk      int32
	fallback bool
	escape   spEscape
}

type spPiece struct {
	text  string
	score float32
	kind  spKind
}

// spKind is what a piece stands for.
type spKind uint64

const (
	spNormal      spKind = 1
	spUnknown     spKind = 2
	spControl     spKind = 3
	spUserDefined spKind = 4
	spUnused      spKind = 5
	spByte        spKind = 6
)

// spEscape is what the library does to a text before it is cut.
type spEscape struct{ prefix, collapse bool }

const spMark = "▁"

// parseSentencePiece reads a tokenizer.model of the kind BPE.
func parseSentencePiece(raw []byte) (*Tokenizer, error) {
	m := &sentencePiece{ids: map[string]int32{}, all: map[string]int32{}, escape: spEscape{prefix: true, collapse: true}}
	spec := map[string]uint64{"model_type": 1, "bos_id": 1, "pad_id": math.MaxUint64, "escape_whitespaces": 1}
	if err := eachField(raw, func(num protowire.Number, v field) error {
		switch num {
		case 1:
			return m.addPiece(v.bytes)
		case 2:
			return trainerSpec(v.bytes, m, spec)
		case 3:
			return normalizerSpec(v.bytes, m, spec)
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("not a tokenizer.model: %w", err)
	}
	if err := m.check(spec); err != nil {
		return nil, err
	}
	m.index()
	t := &Tokenizer{model: m, normalizer: m.escape, template: []templatePart{nil}, raw: &added{}, normal: &added{}}
	if bos := int64(spec["bos_id"]); bos >= 0 && bos < int64(len(m.pieces)) {
		t.template = []templatePart{{bos}, nil}
	}
	if pad := int64(spec["pad_id"]); pad >= 0 && pad < int64(len(m.pieces)) {
		t.pad = pad
	}
	return t, nil
}

func (m *sentencePiece) check(spec map[string]uint64) error {
	switch {
	case len(m.pieces) == 0:
		return fmt.Errorf("tokenizer.model has no pieces: %w", errdefs.ErrDataLoss)
	case spec["model_type"] != 2:
		return fmt.Errorf("tokenizer.model of another kind than BPE is not supported, its tokenizer.json would do: %w", errdefs.ErrNotImplemented)
	case spec["charsmap"] > 0 || spec["suffix"] > 0 || spec["escape_whitespaces"] == 0:
		return fmt.Errorf("tokenizer.model that rewrites its text is not supported, its tokenizer.json would do: %w", errdefs.ErrNotImplemented)
	case int64(m.unk) < 0 || int(m.unk) >= len(m.pieces):
		return fmt.Errorf("tokenizer.model: the unknown piece %d is outside the vocabulary of %d: %w", m.unk, len(m.pieces), errdefs.ErrDataLoss)
	}
	return nil
}

func (m *sentencePiece) addPiece(raw []byte) error {
	p := spPiece{kind: spNormal}
	err := eachField(raw, func(num protowire.Number, v field) error {
		switch num {
		case 1:
			p.text = string(v.bytes)
		case 2:
			p.score = math.Float32frombits(uint32(v.number))
		case 3:
			p.kind = spKind(v.number)
		}
		return nil
	})
	m.pieces = append(m.pieces, p)
	return err
}

func trainerSpec(raw []byte, m *sentencePiece, spec map[string]uint64) error {
	return eachField(raw, func(num protowire.Number, v field) error {
		switch num {
		case 3:
			spec["model_type"] = v.number
		case 24:
			spec["suffix"] = v.number
		case 35:
			m.fallback = v.number != 0
		case 40:
			m.unk = int32(v.number)
		case 41:
			spec["bos_id"] = v.number
		case 43:
			spec["pad_id"] = v.number
		}
		return nil
	})
}

func normalizerSpec(raw []byte, m *sentencePiece, spec map[string]uint64) error {
	return eachField(raw, func(num protowire.Number, v field) error {
		switch num {
		case 2:
			spec["charsmap"] = uint64(len(v.bytes))
		case 3:
			m.escape.prefix = v.number != 0
		case 4:
			m.escape.collapse = v.number != 0
		case 5:
			spec["escape_whitespaces"] = v.number
		}
		return nil
	})
}

// index makes the tables that encoding looks things up in.
func (m *sentencePiece) index() {
	scores := make([]float32, 0, len(m.pieces))
	for i, p := range m.pieces {
		scores = append(scores, p.score)
		m.all[p.text] = int32(i)
		if p.kind == spNormal || p.kind == spUserDefined || p.kind == spUnused {
			m.ids[p.text] = int32(i)
		}
		if p.kind == spUserDefined && p.text != "" {
			m.user[p.text[0]] = append(m.user[p.text[0]], p.text)
		}
	}
	for i := range m.user {
		slices.SortFunc(m.user[i], func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	}
	better := func(a, b float32) int { return cmp.Compare(b, a) }
	slices.SortFunc(scores, better)
	scores = slices.Compact(scores)
	m.ranks = make([]int32, len(m.pieces))
	for i, p := range m.pieces {
		at, _ := slices.BinarySearchFunc(scores, p.score, better)
		m.ranks[i] = int32(at)
	}
}

func (m *sentencePiece) size() int { return len(m.pieces) }

func (m *sentencePiece) find(piece string) (int32, bool) {
	id, ok := m.all[piece]
	return id, ok
}

// field is one value of a protocol buffer's message, in the form that its type has.
type field struct {
	number uint64
	bytes  []byte
}

func eachField(raw []byte, visit func(num protowire.Number, v field) error) error {
	for len(raw) > 0 {
		num, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return fmt.Errorf("%w: %w", protowire.ParseError(n), errdefs.ErrDataLoss)
		}
		raw = raw[n:]
		var v field
		switch kind {
		case protowire.VarintType:
			v.number, n = protowire.ConsumeVarint(raw)
		case protowire.Fixed32Type:
			var bits uint32
			bits, n = protowire.ConsumeFixed32(raw)
			v.number = uint64(bits)
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(raw)
		default:
			n = protowire.ConsumeFieldValue(num, kind, raw)
		}
		if n < 0 {
			return fmt.Errorf("%w: %w", protowire.ParseError(n), errdefs.ErrDataLoss)
		}
		if err := visit(num, v); err != nil {
			return err
		}
		raw = raw[n:]
	}
	return nil
}
