package text

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

var (
	entity = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`&#?[0-9A-Za-z]{1,24};`)
	})
	charref = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile("&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")
	})
)

func itoa(n int) string { return strconv.Itoa(n) }

// unescapeStrict decodes an entity that ends in a semicolon, also in capitals ("&EACUTE;").
func unescapeStrict(e string) string {
	s := html5Unescape(e)
	if !strings.Contains(s, ";") || strings.HasPrefix(e, "&semi") {
		return s
	}
	lower := strings.ToLower(e)
	if e == strings.ToUpper(e) && s == e {
		if s = html5Unescape(lower); !strings.Contains(s, ";") {
			return strings.ToUpper(s)
		}
	}
	return e
}

// html5Unescape is Python's html.unescape.
func html5Unescape(s string) string {
	return charref().ReplaceAllStringFunc(s, func(ref string) string {
		if ref[1] != '#' {
			return html.UnescapeString(ref)
		}
		digits, base := strings.TrimSuffix(ref[2:], ";"), 10
		if digits[0] == 'x' || digits[0] == 'X' {
			digits, base = digits[1:], 16
		}
		n, err := strconv.ParseUint(digits, base, 32)
		switch {
		case err != nil || n == 0 || n > 0x10ffff || n >= 0xd800 && n < 0xe000:
			return "\ufffd"
		case noCharacter(n):
			return ""
		case n >= 0x80 && n <= 0x9f: // Windows-1252, as HTML5 says
			return html.UnescapeString("&#" + digits10(n) + ";")
		}
		return string(rune(n))
	})
}

func digits10(n uint64) string { return strconv.FormatUint(n, 10) }

// noCharacter: code points that HTML5 drops.
func noCharacter(n uint64) bool {
	return n <= 8 || n == 0x0b || n >= 0x0e && n <= 0x1f || n == 0x7f || n >= 0xfdd0 && n <= 0xfdef || n&0xfffe == 0xfffe
}
