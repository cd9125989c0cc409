package cli

import (
	"cmp"
	"os"
	"strings"
	"unicode"
)

// inUTF8 says whether what reads the output is taken to read UTF-8: unless the locale names other characters, as LC_ALL=C does.
func inUTF8() bool {
	locale := strings.ToUpper(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG")))
	return locale == "" || strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8")
}

// dots stand for words that were left out.
func dots() string {
	if inUTF8() {
		return "…"
	}
	return "..."
}

// replacement stands for a character that cannot be shown.
func replacement() rune {
	if inUTF8() {
		return unicode.ReplacementChar
	}
	return '?'
}
