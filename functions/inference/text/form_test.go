package text

import (
	"strings"
	"testing"
)

func TestFormsAgreeWithTheStandardOnes(t *testing.T) {
	p, _ := load(t)
	for _, c := range p.Encode {
		if strings.Count(c.Text, "\u0301") > 20 {
			continue
		}
		for _, f := range []form{nfc, nfd, nfkc, nfkd} {
			if got, want := f.long(c.Text), f.short.String(c.Text); got != want {
				t.Errorf("%q: %q, want %q", c.Text, got, want)
			}
		}
	}
}

func TestLongRunsAreNotBroken(t *testing.T) {
	s := "a" + strings.Repeat("\u0301", 50) + "\u0323"
	if got, want := nfc.String(s), "\u1ea1"+strings.Repeat("\u0301", 50); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := nfkd.String(s), "a\u0323"+strings.Repeat("\u0301", 50); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
