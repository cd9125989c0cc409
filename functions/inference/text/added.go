package text

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// addedToken is a token that is found in the text by its content, before the model sees it.
type addedToken struct {
	ID         int64  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// added finds one kind of added tokens, the longest of those that begin leftmost.
type added struct {
	ids   map[string]int64 // by content
	byte1 [256][]foundAs   // by first byte, longest first
}

type foundAs struct {
	text  string
	token addedToken
}

// splitAdded parts the tokens that are looked for in the raw text from those looked for in the normalized one. Special
// tokens come first, as in the library; of two with the same text the first wins.
func splitAdded(tokens []addedToken, n normalizer) (raw, normal *added) {
	raw, normal = &added{ids: map[string]int64{}}, &added{ids: map[string]int64{}}
	ordered := append([]addedToken(nil), tokens...)
	sort.SliceStable(ordered, func(a, b int) bool { return ordered[a].Special && !ordered[b].Special })
	for _, t := range ordered {
		into, text := raw, t.Content
		if t.Normalized {
			into = normal
			if n != nil {
				text, _ = n.normalize(text)
			}
		}
		into.ids[t.Content] = t.ID
		if text != "" {
			into.byte1[text[0]] = append(into.byte1[text[0]], foundAs{text, t})
		}
	}
	for _, a := range [...]*added{raw, normal} {
		for _, list := range a.byte1 {
			sort.SliceStable(list, func(x, y int) bool { return len(list[x].text) > len(list[y].text) })
		}
	}
	return raw, normal
}

// find is the next token in s at or after from.
func (a *added) find(s string, from int) (at int, f foundAs, ok bool) {
	for at = from; at < len(s); at++ {
		for _, f := range a.byte1[s[at]] {
			if strings.HasPrefix(s[at:], f.text) {
				return at, f, true
			}
		}
	}
	return 0, foundAs{}, false
}

func (a *added) split(p piece) []piece {
	var out []piece
	done := 0
	for from := 0; ; {
		at, f, ok := a.find(p.text, from)
		if !ok {
			break
		}
		end := at + len(f.text)
		from = end
		if f.token.SingleWord && !wordAlone(p.text, at, end) {
			continue
		}
		if f.token.LStrip {
			at = max(done, len(strings.TrimRightFunc(p.text[:at], unicode.IsSpace)))
		}
		if f.token.RStrip {
			end = len(p.text) - len(strings.TrimLeftFunc(p.text[end:], unicode.IsSpace))
		}
		if done < at {
			out = append(out, piece{text: p.text[done:at], first: p.first && done == 0})
		}
		out = append(out, piece{token: true, id: f.token.ID})
		done, from = end, max(from, end)
	}
	if done < len(p.text) {
		out = append(out, piece{text: p.text[done:], first: p.first && done == 0})
	}
	return out
}

func wordAlone(s string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:from])
	after, _ := utf8.DecodeRuneInString(s[to:])
	return (from == 0 || !isWord(before)) && (to == len(s) || !isWord(after))
}

// isWord is \w of the library's regular expressions.
func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.Nl, unicode.Other_Alphabetic, unicode.M, unicode.Nd, unicode.Pc, unicode.Join_Control)
}
