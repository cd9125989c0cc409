package text

import (
	"slices"

	"golang.org/x/text/unicode/norm"
)

// form is a Unicode normalization form without the limit that x/text sets: it breaks a run of more than 30 combining
// characters with a grapheme joiner (the stream-safe format), which the reference libraries do not.
type form struct {
	short   norm.Form // for the usual text
	apart   norm.Form // NFD or NFKD
	compose bool
}

var (
	nfc  = form{norm.NFC, norm.NFD, true}
	nfd  = form{norm.NFD, norm.NFD, false}
	nfkc = form{norm.NFKC, norm.NFKD, true}
	nfkd = form{norm.NFKD, norm.NFKD, false}
)

// shortRun of combining characters stays below 30 when decomposed, the starter's own ones included.
const shortRun = 6

func (f form) String(s string) string {
	run := 0
	for _, r := range s {
		if class(r) == 0 {
			run = 0
		} else if run++; run > shortRun {
			return f.long(s)
		}
	}
	return f.short.String(s)
}

// long follows the standard's definition: decompose, order each run of combining characters by class, compose.
func (f form) long(s string) string {
	var runes []rune
	for _, r := range s {
		runes = append(runes, []rune(f.apart.String(string(r)))...)
	}
	for from := 0; from < len(runes); from++ {
		to := from
		for to < len(runes) && class(runes[to]) != 0 {
			to++
		}
		slices.SortStableFunc(runes[from:to], func(a, b rune) int { return int(class(a)) - int(class(b)) })
		from = to
	}
	if f.compose {
		runes = composed(runes)
	}
	return string(runes)
}

func composed(runes []rune) []rune {
	out := runes[:0:0]
	starter, last := -1, uint8(0)
	for _, r := range runes {
		c := class(r)
		if starter >= 0 && (last < c || last == 0 && starter == len(out)-1) {
			if pair := []rune(norm.NFC.String(string(out[starter]) + string(r))); len(pair) == 1 {
				out[starter] = pair[0]
				continue
			}
		}
		if last = c; c == 0 {
			starter = len(out)
		}
		out = append(out, r)
	}
	return out
}

func class(r rune) uint8 {
	if r < 0x300 {
		return 0
	}
	return norm.NFD.PropertiesString(string(r)).CCC()
}
