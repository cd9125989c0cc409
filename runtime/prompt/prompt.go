// Package prompt says which texts a server takes for prompts: how long, of which characters, and without which words.
package prompt

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/containerd/errdefs"
	"golang.org/x/text/unicode/norm"
)

// Policy is what is taken. The zero Policy only refuses characters that nobody sees.
type Policy struct {
	MaxChars int       // characters; 0: what the model takes
	deny     [][4]rule // a line, in each of a text's forms
}

// rule is what a text may not have.
type rule struct {
	re   *regexp.Regexp
	must string // is in what re matches, in small letters: looking for that costs next to nothing
}

func (r rule) in(text, small string) bool {
	return (r.must == "" || strings.Contains(small, r.must)) && r.re.MatchString(text)
}

// Deny reads a list of what no prompt may have, one a line: words and phrases, wherever they stand as whole words, in any
// case, or /regular expressions/; # begins a remark. InvalidArgument names a line that is none.
func (p *Policy) Deny(r io.Reader) error {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		var one [4]rule
		for i, form := range forms(line) {
			words := strings.Fields(form)
			pattern := `(^|[^\pL\pN])` + strings.Join(strings.Fields(regexp.QuoteMeta(form)), `[^\pL\pN]+`) + `($|[^\pL\pN])`
			if len(words) == 0 {
				return fmt.Errorf("line %d has no letter that anybody sees: %w", n, errdefs.ErrInvalidArgument)
			}
			one[i].must = fold(words[0])
			if len(line) > 2 && line[0] == '/' && line[len(line)-1] == '/' {
				pattern, one[i].must = line[1:len(line)-1], ""
			}
			var err error
			if one[i].re, err = regexp.Compile("(?i)" + pattern); err != nil {
				return fmt.Errorf("line %d: %w: %w", n, err, errdefs.ErrInvalidArgument)
			}
		}
		p.deny = append(p.deny, one)
	}
	return lines.Err()
}

// plain is a text as it is read: letters in another form become one (NFKC), and what nobody sees goes, as do marks that are no part
// of a letter, such as lines through it.
func plain(s string) string {
	return unmarked(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return -1
		}
		return r
	}, norm.NFKC.String(s)))
}

func unmarked(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(marks, r) {
			return -1
		}
		return r
	}, s)
}

// marks are those that any letter may be given. After NFKC é is one letter, and a line through a b still a mark.
var marks = &unicode.RangeTable{R16: []unicode.Range16{{0x0300, 0x036f, 1}, {0x1ab0, 0x1aff, 1}, {0x1dc0, 0x1dff, 1}, {0x20d0, 0x20ff, 1}, {0xfe20, 0xfe2f, 1}}}

// Check says, after the name of a field, what is wrong with its text; "" when it is taken. It does not say which word of the
// list is in it.
func (p Policy) Check(text string) string {
	if !utf8.ValidString(text) {
		return "is not UTF-8"
	}
	if n := utf8.RuneCountInString(text); p.MaxChars > 0 && n > p.MaxChars {
		return fmt.Sprintf("has %d characters: it may have %d", n, p.MaxChars)
	}
	for at, r := range text {
		if hidden(r) {
			return fmt.Sprintf("has the character U+%04X at byte %d, which nobody sees: leave it out", r, at)
		}
	}
	if len(p.deny) == 0 {
		return ""
	}
	seen := forms(text)
	var small [len(seen)]string
	for i := range seen {
		small[i] = fold(seen[i])
	}
	for _, line := range p.deny {
		for i, r := range line {
			if r.in(seen[i], small[i]) {
				return "has something that this server does not make clips of"
			}
		}
	}
	return ""
}

// hidden are characters with which a text reads other than it is: controls but for line ends and tabs, what turns the
// direction of writing, tags, and what is no character. Joiners stay: scripts and emoji need them.
func hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\r' || r == '\t':
		return false
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r) && r != '\u200e' && r != '\u200f' && r != '\u061c':
		return true
	case r >= 0xe0000 && r <= 0xe007f && r != 0xe007f && !emojiTag(r), r&0xfffe == 0xfffe, r >= 0xfdd0 && r <= 0xfdef:
		return true
	}
	return false
}

// emojiTag are the tags that flags of regions are written with.
func emojiTag(r rune) bool {
	return r >= 0xe0030 && r <= 0xe0039 || r >= 0xe0061 && r <= 0xe007a
}
