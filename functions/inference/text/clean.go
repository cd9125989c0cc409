package text

import (
	"html"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Clean does to a prompt what the diffusers pipelines do (prompt_clean): ftfy's repairs, HTML entities decoded twice,
// white space collapsed. One repair is missing: ftfy also guesses back text that was decoded in a wrong encoding
// ("cafÃ©"); here such text stays as it is.
func Clean(prompt string) string {
	return strings.Join(strings.FieldsFunc(mend(prompt), pythonSpace), " ")
}

// mend is Clean with white space as it is.
func mend(prompt string) string { return html5Unescape(html5Unescape(repair(prompt))) }

// pythonSpace is str.isspace: Unicode's white space and the four ASCII separators.
func pythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// repair is ftfy.fix_text, line by line, each until nothing changes. A "<" anywhere before switches entities off.
func repair(s string) string {
	var b strings.Builder
	markup := false
	for line := range strings.SplitAfterSeq(s, "\n") {
		markup = markup || strings.Contains(line, "<")
		for {
			next := repairOnce(line, !markup)
			if next == line {
				break
			}
			line = next
		}
		b.WriteString(line)
	}
	return b.String()
}

func repairOnce(s string, entities bool) string {
	if entities {
		s = entity().ReplaceAllStringFunc(s, unescapeStrict)
	}
	s = strings.Map(fromC1, s)
	s = ligatures.Replace(s)
	s = strings.Map(straightQuotes, width(s))
	s = lineBreaks.Replace(s)
	s = terminalEscape().ReplaceAllString(s, "")
	s = strings.Map(dropControl, s)
	return nfc.String(s)
}

var (
	terminalEscape = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile("\x1b\\[((?:[0-9]|;)*)([a-zA-Z])")
	})
	lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\u0085", "\n")
	ligatures  = strings.NewReplacer("Ĳ", "IJ", "ĳ", "ij", "ŉ", "ʼn", "Ǳ", "DZ", "ǲ", "Dz", "ǳ", "dz", "Ǆ", "DŽ", "ǅ", "Dž", "ǆ", "dž",
		"Ǉ", "LJ", "ǈ", "Lj", "ǉ", "lj", "Ǌ", "NJ", "ǋ", "Nj", "ǌ", "nj", "ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "ﬅ", "ſt", "ﬆ", "st")
)

// fromC1 reads C1 control characters as the Windows-1252 characters that they were meant to be.
func fromC1(r rune) rune {
	if r >= 0x80 && r <= 0x9f {
		return []rune(html.UnescapeString("&#" + itoa(int(r)) + ";"))[0]
	}
	return r
}

// width folds full-width and half-width forms (U+3000, U+FF01 to U+FFEF) one by one.
func width(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == 0x3000:
			b.WriteByte(' ')
		case r > 0xff00 && r < 0xfff0:
			b.WriteString(norm.NFKC.String(string(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func straightQuotes(r rune) rune {
	switch {
	case r == 0x2bc || r >= 0x2018 && r <= 0x201b:
		return '\''
	case r >= 0x201c && r <= 0x201f:
		return '"'
	}
	return r
}

func dropControl(r rune) rune {
	switch {
	case r < 9, r == 0x0b, r >= 0x0e && r <= 0x1f, r == 0x7f, r >= 0x206a && r <= 0x206f, r == 0xfeff, r >= 0xfff9 && r <= 0xfffc:
		return -1
	}
	return r
}
