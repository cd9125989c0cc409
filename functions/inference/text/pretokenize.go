package text

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/containerd/errdefs"
)

// preTokenizer cuts a piece of text into the pieces that the model sees one by one.
type preTokenizer interface{ split(piece) []piece }

type preTokenizers []preTokenizer

func (l preTokenizers) split(p piece) []piece {
	pieces := []piece{p}
	for _, one := range l {
		pieces = each(pieces, one.split)
	}
	return pieces
}

func parsePre(raw json.RawMessage) (preTokenizer, error) {
	kind, err := kindOf(raw)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "":
		return nil, nil
	case "WhitespaceSplit":
		return whitespaceSplit{}, nil
	case "Metaspace":
		return parseMetaspace(raw)
	case "Split":
		return parseSplit(raw)
	case "ByteLevel":
		return parseByteLevel(raw)
	case "Sequence":
		return parsePres(raw)
	}
	return nil, unsupported("pre-tokenizer", kind)
}

func parsePres(raw json.RawMessage) (preTokenizer, error) {
	list, err := parseSequence(raw, "pretokenizers", parsePre)
	return preTokenizers(list), err
}

// whitespaceSplit cuts at white space and drops it.
type whitespaceSplit struct{}

func (whitespaceSplit) split(p piece) []piece {
	var out []piece
	for i, word := range strings.FieldsFunc(p.text, unicode.IsSpace) {
		out = append(out, piece{text: word, first: p.first && i == 0 && strings.HasPrefix(p.text, word)})
	}
	return out
}

// metaspace writes spaces as a visible character and cuts before each.
type metaspace struct {
	mark   string
	scheme string // always, first, never: whether a mark is put in front
	cut    bool
}

func parseMetaspace(raw json.RawMessage) (preTokenizer, error) {
	var d struct {
		Replacement string  `json:"replacement"`
		Scheme      *string `json:"prepend_scheme"`
		Prefix      *bool   `json:"add_prefix_space"`
		Split       *bool   `json:"split"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("pre-tokenizer Metaspace: %w: %w", err, errdefs.ErrDataLoss)
	}
	m := metaspace{mark: d.Replacement, scheme: "always", cut: d.Split == nil || *d.Split}
	if len([]rune(m.mark)) != 1 {
		return nil, fmt.Errorf("pre-tokenizer Metaspace: replacement %q is not one character: %w", m.mark, errdefs.ErrDataLoss)
	}
	if d.Scheme != nil {
		m.scheme = *d.Scheme
	} else if d.Prefix != nil && !*d.Prefix {
		m.scheme = "never"
	}
	if m.scheme != "always" && m.scheme != "first" && m.scheme != "never" {
		return nil, unsupported("prepend_scheme", m.scheme)
	}
	return m, nil
}

func (m metaspace) split(p piece) []piece {
	s := strings.ReplaceAll(p.text, " ", m.mark)
	if !strings.HasPrefix(s, m.mark) && (m.scheme == "always" || m.scheme == "first" && p.first) {
		s = m.mark + s
	}
	if !m.cut {
		return []piece{{text: s, first: p.first}}
	}
	var out []piece
	for len(s) > 0 {
		end := len(s)
		from := min(len(m.mark), len(s))
		if !strings.HasPrefix(s, m.mark) {
			from = 0
		}
		if i := strings.Index(s[from:], m.mark); i >= 0 {
			end = from + i
		}
		out = append(out, piece{text: s[:end], first: p.first && len(out) == 0})
		s = s[end:]
	}
	return out
}

// splitter cuts at what a pattern matches.
type splitter struct {
	find     finder
	invert   bool
	behavior string // what becomes of a match: "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext"
}

func parseSplit(raw json.RawMessage) (preTokenizer, error) {
	var d struct {
		Pattern  pattern
		Behavior string
		Invert   bool
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("pre-tokenizer Split: %w: %w", err, errdefs.ErrDataLoss)
	}
	find, err := d.Pattern.finder()
	if err != nil {
		return nil, fmt.Errorf("pre-tokenizer Split: %w: %w", err, errdefs.ErrNotImplemented)
	}
	if !slices.Contains([]string{"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext"}, d.Behavior) {
		return nil, unsupported("behavior of the pre-tokenizer Split", d.Behavior)
	}
	return splitter{find, d.Invert, d.Behavior}, nil
}

func (t splitter) split(p piece) []piece {
	type part struct {
		text  string
		match bool
	}
	var parts []part
	add := func(from, to int, match bool) {
		if from < to {
			parts = append(parts, part{p.text[from:to], match != t.invert})
		}
	}
	done := 0
	for _, m := range t.find(p.text) {
		add(done, m[0], false)
		add(m[0], m[1], true)
		done = m[1]
	}
	add(done, len(p.text), false)
	var out []string
	for i, q := range parts {
		switch {
		case t.behavior == "Removed" && q.match:
		case t.behavior == "MergedWithPrevious" && q.match && i > 0 && !parts[i-1].match, t.behavior == "MergedWithNext" && !q.match && i > 0 && parts[i-1].match:
			out[len(out)-1] += q.text
		default:
			out = append(out, q.text)
		}
	}
	pieces := make([]piece, len(out))
	for i, s := range out {
		pieces[i] = piece{text: s, first: p.first && i == 0 && (t.behavior != "Removed" || !parts[0].match)}
	}
	return pieces
}
