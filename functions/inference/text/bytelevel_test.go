package text

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// What the reference library makes of 400 strings with a tokenizer in Qwen 2.5's form, see testdata/make_bytelevel_parity.py.
func TestByteLevelParity(t *testing.T) {
	raw, err := os.ReadFile("testdata/qwen-style.json")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Text string
		IDs  []int64
	}
	if raw, err = os.ReadFile("testdata/qwen_parity.json"); err == nil {
		err = json.Unmarshal(raw, &cases)
	}
	if err != nil || len(cases) < 400 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		got, err := tok.Encode(c.Text)
		if err != nil || !slices.Equal(got, c.IDs) {
			t.Errorf("%q gives %v, want %v (%v)", c.Text, got, c.IDs, err)
		}
	}
}

// Left to itself, ByteLevel cuts as GPT-2 does and may begin with a blank.
func TestByteLevelByItself(t *testing.T) {
	pre, err := parsePre(json.RawMessage(`{"type":"ByteLevel","add_prefix_space":true}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range pre.split(piece{text: "it's  two\n", first: true}) {
		got = append(got, p.text)
	}
	if want := []string{"Ġit", "'s", "Ġ", "Ġtwo", "Ċ"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
