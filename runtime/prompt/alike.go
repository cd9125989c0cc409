package prompt

import (
	"strings"
	"unicode"

	"github.com/mtibben/confusables"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// forms are a text as it is compared with a list, which is compared in the same forms: as it is (plain), and with each letter that
// looks like another in its place (UTS #39, skeletons): of small letters, as they stand, and so that I is l. Letters
// with accents are letters of their own, and what is written otherwise than letter for letter (spaces between, 3 for e) is not seen.
func forms(s string) [4]string {
	p := plain(s)
	return [4]string{p, skeleton(fold(p), false), fold(skeleton(p, false)), fold(skeleton(p, true))}
}

func fold(s string) string { return cases.Fold().String(s) }

// skeleton puts what a letter looks like in its place. ASCII stays, since it is what others are taken for: m is no rn, and rn no m;
// but digits within words are the letters that they look like, and so is the I where it is asked for.
func skeleton(s string, i bool) string {
	var b strings.Builder
	lettered := false // the word at hand has letters
	for at, r := range s {
		if at == 0 || !inWord(before(s, at)) {
			lettered = hasLetter(s[at:])
		}
		switch {
		case r == '0' && lettered:
			b.WriteByte('o')
		case (r == '1' || r == '|') && lettered, r == 'I' && i:
			b.WriteByte('l')
		case r <= unicode.MaxASCII:
			b.WriteRune(r)
		default:
			b.WriteString(prototype(r))
		}
	}
	return norm.NFC.String(b.String())
}

// prototype is what a letter beyond ASCII looks like.
func prototype(r rune) string {
	for _, box := range boxed {
		if r >= box && r < box+26 {
			return string('A' + r - box)
		}
	}
	if i := strings.IndexRune(smallCapitals, r); i >= 0 {
		return string(latin[len([]rune(smallCapitals[:i]))])
	}
	p := confusables.Skeleton(string(r))
	if i := strings.Index(p, "rn"); i >= 0 { // how the table has m
		p = p[:i] + "m" + p[i+2:]
	}
	if norm.NFC.String(p) != string(r) { // it is another letter: how it is marked is no part of what it looks like
		p = unmarked(p)
	}
	return p
}

// boxed are the alphabets in circles and squares that NFKC leaves as they are, from their A.
var boxed = []rune{0x1f150, 0x1f170, 0x1f1e6}

// smallCapitals are those letters that Unicode has so, which the table passes over, and latin what they are.
const (
	smallCapitals = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ"
	latin         = "abcdefghijklmnopqrstuvwyz"
)

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '|' }

func before(s string, at int) rune {
	all := []rune(s[max(0, at-4):at])
	return all[len(all)-1]
}

// hasLetter says whether the word at the beginning of a text has letters.
func hasLetter(s string) bool {
	for _, r := range s {
		if unicode.IsLetter(r) {
			return true
		}
		if !inWord(r) {
			return false
		}
	}
	return false
}
