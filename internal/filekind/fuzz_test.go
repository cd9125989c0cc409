package filekind

import (
	"strings"
	"testing"
)

// FuzzOf: a file's kind hangs on as many of its first bytes as are looked at, and agrees with what else is said of it.
func FuzzOf(f *testing.F) {
	for _, k := range kinds {
		for _, m := range k.magic {
			f.Add([]byte(strings.ReplaceAll(m, "????", "\x00\x00\x01\x00")), "image/png", "image/apng")
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, one, other string) {
		k, _ := Of(raw)
		if short, _ := Of(raw[:min(len(raw), Most)]); short.Name != k.Name {
			t.Errorf("%q is %q, and by its first bytes %q", raw, k.Name, short.Name)
		}
		for _, kind := range k.Types {
			if !Known(kind) || !k.Is(kind) || !k.Like(kind) || !Akin(kind, kind) {
				t.Errorf("%q of %q", kind, k.Name)
			}
		}
		if Akin(one, other) != Akin(other, one) || Akin(one, other) && !(Known(one) && Known(other)) {
			t.Errorf("%q and %q", one, other)
		}
	})
}
