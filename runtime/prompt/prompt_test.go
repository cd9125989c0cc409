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
	if err := p.Deny(strings.NewReader("ok\n\u200b\u0336\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a line of nothing: %v", err)
	}
	if err := p.Deny(strings.NewReader("ok\n/(/\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
}

// TestLettersThatLookAlike: whatever alphabet stands in for letters of the list, and the other way round; and what only looks like it
// to who reads badly stays.
func TestLettersThatLookAlike(t *testing.T) {
	var p Policy
	if err := p.Deny(strings.NewReader("forbidden\nBaLL\nbomb\nbum\nbot\nраке́та\nStraße\naño\n10\n/sec+ret/\n")); err != nil {
		t.Fatal(err)
	}
	for text, ok := range map[string]bool{
		"a fоrbiddеn thing": false, "FОRВIDDЕN": false, "ϝorbidden": true, "fοrbidden": false, "ꜰᴏʀʙɪᴅᴅᴇɴ": false, "𝕗𝕠𝕣𝕓𝕚𝕕𝕕𝕖𝕟": false, "🅕🅞🅡🅑🅘🅓🅓🅔🅝": false, "🅵🅾🆁🅱🅸🅳🅳🅴🅽": false, "🇫🇴🇷🇧🇮🇩🇩🇪🇳": false,
		"f0rbidden": false, "forbıdden": false, "fоr\u0336bidden": false, "ƒorbidden": false, "ꞘorƄidden": false, "BaII": false, "bа11": false, "ba||": false, "b0mb": false, "boⅿb": false, "Ьomb": false, "bоɱb": false,
		"ракeтa": false, "STRASSE": false, "strasse": false, "a ano": true, "an año": false, "lo and behold": true, "at 10": false, "sесret": false,
		"вот дом": true, "the burn of a fire": true, "a corn field": true, "a ball": false, "a bill": true, "7 dogs, 101 cats": true, "наша собака бежит": true, "東京の夜": true, "مرحبا بالعالم": true, "한국의 산": true,
	} {
		if bad := p.Check(text); (bad == "") != ok {
			t.Errorf("%q: %q, in forms %q", text, bad, forms(text))
		}
	}
}

func FuzzForms(f *testing.F) {
	f.Add("a fоrbiddеn 🅵 l0ng word|")
	f.Fuzz(func(t *testing.T, s string) {
		var p Policy
		if err := p.Deny(strings.NewReader("forbidden")); err != nil {
			t.Fatal(err)
		}
		if bad := p.Check(s + " forbidden " + s); bad == "" {
			t.Errorf("%q hides a word", s)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	var p Policy
	if err := p.Deny(strings.NewReader("forbidden\nblue moon\n")); err != nil {
		b.Fatal(err)
	}
	for _, text := range []string{strings.Repeat("a red circle on white ", 50), strings.Repeat("наша собака бежит ", 50)} {
		b.Run(text[:8], func(b *testing.B) {
			for b.Loop() {
				p.Check(text)
			}
		})
	}
}
