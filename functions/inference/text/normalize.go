package text

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/containerd/errdefs"
)

// normalizer rewrites text before it is split. Moved says that what the result begins with did not come from the text's
// first character: the library then no longer takes it for the beginning.
type normalizer interface {
	normalize(string) (out string, moved bool)
}

type normalizerFunc func(string) (string, bool)

func (f normalizerFunc) normalize(s string) (string, bool) { return f(s) }

func (f form) normalize(s string) (string, bool) { return f.String(s), false }

type normalizers []normalizer

func (n normalizers) normalize(s string) (string, bool) {
	any := false
	for _, one := range n {
		next, moved := one.normalize(s)
		s, any = next, any || moved
	}
	return s, any
}

// kindOf is the "type" of a part of tokenizer.json; "" for null.
func kindOf(raw json.RawMessage) (string, error) {
	var d *struct{ Type string }
	if len(raw) == 0 {
		return "", nil
	}
	if all, err := members(raw); err == nil && all["type"] != nil { // a table of 300 kB beside it need not be read for that
		raw = json.RawMessage(`{"type":` + string(all["type"]) + `}`)
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return "", fmt.Errorf("tokenizer.json: %w: %w", err, errdefs.ErrDataLoss)
	}
	if d == nil {
		return "", nil
	}
	return d.Type, nil
}

func unsupported(what, kind string) error {
	return fmt.Errorf("%s %q is not supported: %w", what, kind, errdefs.ErrNotImplemented)
}

func parseNormalizer(raw json.RawMessage) (normalizer, error) {
	kind, err := kindOf(raw)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "":
		return nil, nil
	case "Precompiled":
		return parseCharsmap(raw)
	case "Sequence":
		return parseNormalizers(raw)
	case "Replace":
		return parseReplace(raw)
	case "Strip":
		return parseStrip(raw)
	case "NFC":
		return nfc, nil
	case "NFD":
		return nfd, nil
	case "NFKC":
		return nfkc, nil
	case "NFKD":
		return nfkd, nil
	}
	return nil, unsupported("normalizer", kind)
}

func parseNormalizers(raw json.RawMessage) (normalizer, error) {
	list, err := parseSequence(raw, "normalizers", parseNormalizer)
	return normalizers(list), err
}

// parseSequence parses the parts that stand in a Sequence under key; null ones are left out.
func parseSequence[P comparable](raw json.RawMessage, key string, parse func(json.RawMessage) (P, error)) ([]P, error) {
	var d map[string]json.RawMessage
	var parts []json.RawMessage
	err := json.Unmarshal(raw, &d)
	if err == nil && d[key] != nil {
		err = json.Unmarshal(d[key], &parts)
	}
	if err != nil {
		return nil, fmt.Errorf("%s of tokenizer.json: %w: %w", key, err, errdefs.ErrDataLoss)
	}
	var list []P
	var null P
	for _, part := range parts {
		p, err := parse(part)
		if err != nil {
			return nil, err
		}
		if p != null {
			list = append(list, p)
		}
	}
	return list, nil
}

// pattern is {"String": …} or {"Regex": …}.
type pattern struct{ String, Regex *string }

func (p pattern) compile() (*regexp.Regexp, error) {
	switch {
	case p.String != nil:
		return regexp.Compile(regexp.QuoteMeta(*p.String))
	case p.Regex != nil:
		return regexp.Compile(*p.Regex)
	}
	return nil, fmt.Errorf("a pattern is neither String nor Regex")
}

// finder is compile for patterns that cut, which may be the reference's own.
func (p pattern) finder() (finder, error) {
	if p.Regex != nil {
		return compileSplit(*p.Regex)
	}
	re, err := p.compile()
	if err != nil {
		return nil, err
	}
	return func(s string) [][]int { return re.FindAllStringIndex(s, -1) }, nil
}

func parseReplace(raw json.RawMessage) (normalizer, error) {
	var d struct {
		Pattern pattern
		Content string
	}
	err := json.Unmarshal(raw, &d)
	if err != nil {
		return nil, fmt.Errorf("normalizer Replace: %w: %w", err, errdefs.ErrDataLoss)
	}
	re, err := d.Pattern.compile()
	if err != nil {
		return nil, fmt.Errorf("normalizer Replace: %w: %w", err, errdefs.ErrNotImplemented)
	}
	return normalizerFunc(func(s string) (string, bool) {
		first := re.FindStringIndex(s)
		moved := first != nil && first[0] == 0 && (d.Content == "" || utf8.RuneCountInString(s[:first[1]]) > 1)
		return re.ReplaceAllLiteralString(s, d.Content), moved
	}), nil
}

func parseStrip(raw json.RawMessage) (normalizer, error) {
	var d struct {
		Left  bool `json:"strip_left"`
		Right bool `json:"strip_right"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("normalizer Strip: %w: %w", err, errdefs.ErrDataLoss)
	}
	return normalizerFunc(func(s string) (string, bool) {
		before := len(s)
		if d.Left {
			s = strings.TrimLeftFunc(s, unicode.IsSpace)
		}
		moved := len(s) != before
		if d.Right {
			s = strings.TrimRightFunc(s, unicode.IsSpace)
		}
		return s, moved
	}), nil
}
