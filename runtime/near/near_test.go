package near

import (
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	all := []string{"ltx2", "magi1", "wan21", "wan22", "wan22-ti2v"}
	for want, names := range map[string][]string{
		"wan2.1": {"wan21", "wan22"}, "WAN21": {"wan21", "wan22"}, "wan": {"wan21", "wan22", "wan22-ti2v"}, "ltx-2": {"ltx2"}, "magi": {"magi1"},
		"wan22-ti2v-5b": {"wan22-ti2v", "wan22"}, "ti2v": {"wan22-ti2v"}, "sora": nil, "": nil, "x": nil, "y2": nil,
	} {
		if got := Names(want, all); !slices.Equal(got, names) {
			t.Errorf("%q: %q, not %q", want, got, names)
		}
	}
	if got := Names(strings.Repeat("a", 1<<20), []string{strings.Repeat("a", 1<<20-1)}); len(got) != 1 {
		t.Errorf("a long one that begins with another: %d", len(got))
	}
}

func TestHint(t *testing.T) {
	names := []string{"wan21", "ltx2", "magi1", "waver", "echo"}
	for want, hint := range map[string]string{
		"wan2": "did you mean wan21?", "wan": "did you mean wan21?", "echo1": "did you mean echo?", "wa": "did you mean wan21 or waver?",
		"zzzzzz": "there are echo, ltx2, magi1, wan21, waver",
	} {
		if got := Hint(want, names); got != hint {
			t.Errorf("%s: %q, not %q", want, got, hint)
		}
	}
	for hint, names := range map[string][]string{
		"there is none yet": nil, "there is b": {"b"}, "there are 6, such as a, b, c, d, e": {"f", "e", "d", "c", "b", "a"},
	} {
		if got := Hint("xxxx", names); got != hint {
			t.Errorf("%q, not %q", got, hint)
		}
	}
}
