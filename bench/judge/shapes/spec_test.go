package shapes

import (
	"strings"
	"testing"
)

func TestSameSeedSamePrompts(t *testing.T) {
	a, b, other := Rand(5), Rand(5), Rand(6)
	same := 0
	for range 50 {
		x, y, z := Draw(a), Draw(b), Draw(other)
		if x != y || x.Caption(a) != y.Caption(b) {
			t.Fatal("same seed, different prompts")
		}
		if z.Caption(other); x == z {
			same++
		}
	}
	if same > 5 {
		t.Errorf("%d of 50 are the same with another seed", same)
	}
}

func TestCaptionsSayTheSpec(t *testing.T) {
	r := Rand(2)
	for range 200 {
		s := Draw(r)
		text := s.Caption(r)
		for _, word := range []string{s.Color, s.Shape, s.Motion, s.Speed, s.Background} {
			if !strings.Contains(text, word) {
				t.Errorf("%q does not say %s", text, word)
			}
		}
		if strings.Contains(text, "  ") || strings.Contains(text, " ,") || strings.ContainsAny(text, "{}") || strings.HasSuffix(text, " ") {
			t.Errorf("%q", text)
		}
	}
}
