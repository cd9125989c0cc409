package prompt

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	p := Policy{MaxChars: 60}
	if err := p.Deny(strings.NewReader("# not here\nforbidden\nblue  moon\n/sec+ret[0-9]/\n\nC++\n")); err != nil {
		t.Fatal(err)
	}
	for text, ok := range map[string]bool{
		"a red circle": true, "": true, "zwei\nZeilen\tund ein Tab": true, "наша собака": true, "👩‍👩‍👧 at the beach": true, "🏴󠁧󠁢󠁳󠁣󠁴󠁿": true, "a unforbiddenly b": true,
		strings.Repeat("é", 60): true, strings.Repeat("é", 61): false, "a\x00b": false, "a\x1bb": false, "a\u202eb": false, "a\u2066b": false, "a\ufffeb": false, "a\U000e0001b": false, "a\u0085b": false,
		"\xff": false, "A Forbidden thing": false, "ｆｏｒｂｉｄｄｅｎ": false, "for\u200bbidden": false, "for\u034fbidden": false, "for\ufe0fbidden": false, "for\u3164bidden": false, "for\u180bbidden": false, "for\U000e0100bidden": false, "f\u0336o\u0336rb\u0301idden": false, "forbídden": true,
		"once in a BLUE, moon!": false, "a blue door, a moon": true, "seccret7": false, "secret": true, "in C++ now": false,
	} {
		if bad := p.Check(text); (bad == "") != ok {
			t.Errorf("%q: %q", text, bad)
		}
	}
	if bad := p.Check("so forbidden"); strings.Contains(bad, "forbidden") {
		t.Errorf("it tells the list: %q", bad)
	}
	if err := p.Deny(strings.NewReader("ok\n/(/\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
}
