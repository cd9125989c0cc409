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

// byteLevel writes every byte of a piece as a character that can be seen: the alphabet of byte-level BPE (GPT-2's), in which a
// vocabulary knows every text.
type byteLevel struct{ prefix bool }

func parseByteLevel(raw json.RawMessage) (preTokenizer, error) {
	var d struct {
		Prefix bool  `json:"add_prefix_space"`
		Regex  *bool `json:"use_regex"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("pre-tokenizer ByteLevel: %w: %w", err, errdefs.ErrDataLoss)
	}
	b := byteLevel{d.Prefix}
	if d.Regex != nil && !*d.Regex {
		return b, nil
	}
	words, err := compileSplit(gpt2Words)
	if err != nil {
		return nil, err
	}
	return byteLevelWords{b, splitter{find: words, behavior: "Isolated"}}, nil
}

// gpt2Words is what ByteLevel cuts by when it is left to itself.
const gpt2Words = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

func (b byteLevel) split(p piece) []piece {
	s := p.text
	if b.prefix && !strings.HasPrefix(s, " ") {
		s = " " + s
	}
	var out strings.Builder
	for i := range len(s) {
		out.WriteRune(byteRunes[s[i]])
	}
	return []piece{{text: out.String(), first: p.first}}
}

// byteLevelWords cuts first.
type byteLevelWords struct {
	bytes byteLevel
	words splitter
}

func (b byteLevelWords) split(p piece) []piece {
	if b.bytes.prefix && !strings.HasPrefix(p.text, " ") {
		p.text = " " + p.text
	}
	return each(b.words.split(p), byteLevel{}.split)
}

// byteRunes are the characters of the bytes: those that can be seen are themselves, the others follow from U+0100 on.
var byteRunes = func() (all [256]rune) {
	next := rune(256)
	for b := range 256 {
		if b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE {
			all[b] = rune(b)
			continue
		}
		all[b] = next
		next++
	}
	return all
}()

// finder gives the matches of a pattern in a text, as FindAllStringIndex does.
type finder func(s string) [][]int

// The end of patterns that leave the last blank of a run to the word behind it. Go's expressions cannot look ahead.
const lookAhead = `|\s+(?!\S)|\s+`

// spaces is what \s means in the reference: Unicode's white space, where Go's is ASCII's.
const spaces = `\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`

// compileSplit reads a pattern of the reference's syntax.
func compileSplit(pattern string) (finder, error) {
	rest, looks := strings.CutSuffix(pattern, lookAhead)
	re, err := regexp.Compile(spaced(rest))
	if looks && err == nil {
		re, err = regexp.Compile("(?:" + spaced(rest) + ")|([" + spaces + "]+)")
	}
	if err != nil {
		return nil, err
	}
	if !looks {
		return func(s string) [][]int { return re.FindAllStringIndex(s, -1) }, nil
	}
	return func(s string) (all [][]int) {
		for at := 0; at < len(s); {
			m := re.FindStringSubmatchIndex(s[at:])
			if m == nil || m[0] == m[1] {
				break
			}
			from, to := at+m[0], at+m[1]
			if blanks := m[len(m)-2]; blanks >= 0 && to < len(s) {
				to = leaveOne(s, from, to)
			}
			all = append(all, []int{from, to})
			at = to
		}
		return all
	}, nil
}

// leaveOne ends a run of blanks before its last one, unless that is all there is or another blank follows.
func leaveOne(s string, from, to int) int {
	if r, _ := utf8.DecodeRuneInString(s[to:]); unicode.IsSpace(r) {
		return to
	}
	if _, width := utf8.DecodeLastRuneInString(s[from:to]); to-width > from {
		return to - width
	}
	return to
}

// spaced writes \s as what it means in the reference, inside brackets and outside.
func spaced(pattern string) string {
	var out strings.Builder
	inside := false
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if c == '\\' && i+1 < len(pattern) {
			i++
			switch next := pattern[i]; {
			case next == 's' && inside:
				out.WriteString(spaces)
			case next == 's':
				out.WriteString("[" + spaces + "]")
			case next == 'S' && !inside:
				out.WriteString("[^" + spaces + "]")
			default:
				out.WriteByte(c)
				out.WriteByte(next)
			}
			continue
		}
		switch c {
		case '[':
			inside = true
		case ']':
			inside = false
		}
		out.WriteByte(c)
	}
	return out.String()
}
