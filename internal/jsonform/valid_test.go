package jsonform

import (
	"encoding/json"
	"strings"
	"testing"
)

var inputs = []string{
	``, ` `, `{}`, `[]`, `""`, `null`, `true`, `false`, `nul`, `nulll`, `0`, `-0`, `-`, `01`, `1.`, `.5`, `1.5e`, `1.5e+`, `1e9`, `-1.25E-3`,
	`"a`, `"a\`, `"\u12"`, `"\u12g4"`, `"\uABcd"`, `"\x"`, "\"\x1f\"", "\"\x7f\"", "\"\xff\"", `"é"`, `[1,2`, `[1,]`, `[,1]`, `{"a":1,}`, `{"a" : [ ] }`,
	`{a:1}`, `{"a"}`, `{"a":}`, `{"a":1}{`, ` [ 1 , 2 ] `, "\ufeff{}", `"12345678"`, `"1234567\"8"`, `"12345678` + "\n" + `"`, `'a'`, `[1 2]`,
	`"` + strings.Repeat("v", 100) + `"`, `"` + strings.Repeat(`\\`, 100) + `"`, strings.Repeat("[", 20000), strings.Repeat("[", 10000) + strings.Repeat("]", 10000),
	strings.Repeat("[", 10001) + strings.Repeat("]", 10001), strings.Repeat(`{"a":`, 10000) + "1" + strings.Repeat("}", 10000),
}

func TestValid(t *testing.T) {
	for _, in := range inputs {
		if got, want := Valid([]byte(in)), json.Valid([]byte(in)); got != want {
			t.Errorf("%.60q: %v, want %v", in, got, want)
		}
	}
}

// TestEveryByteAnywhereInAString: whatever stands at whichever place of a block of 32, and of the words of eight behind it.
func TestEveryByteAnywhereInAString(t *testing.T) {
	for at := range 60 {
		for c := range 256 {
			in := []byte(`"` + strings.Repeat("v", 60) + `"`)
			in[1+at] = byte(c)
			if got, want := Valid(in), json.Valid(in); got != want {
				t.Fatalf("%q: %v, want %v", in, got, want)
			}
		}
	}
}

// FuzzValid holds it against encoding/json.
func FuzzValid(f *testing.F) {
	for _, in := range inputs {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if got, want := Valid(in), json.Valid(in); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	})
}

func BenchmarkValid(b *testing.B) {
	in := []byte(`"` + strings.Repeat("v", 5<<20) + `"`)
	for name, f := range map[string]func([]byte) bool{"ours": Valid, "encoding-json": json.Valid} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				f(in)
			}
		})
	}
}
