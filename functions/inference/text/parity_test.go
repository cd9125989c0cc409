package text

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parity is testdata/parity.json, made by testdata/make_parity.py with the reference libraries.
type parity struct {
	Encode []struct {
		Text string
		IDs  map[string][]int64
	}
	FixedWidth []struct {
		Tokenizer, Text string
		Width           int
		IDs, Mask       []int64
	} `json:"fixed_width"`
	Clean []struct{ Text, Want string }
}

func load(t testing.TB) (p parity, tokenizers map[string]*Tokenizer) {
	t.Helper()
	path := "testdata/parity.json"
	if other := os.Getenv("TEXT_PARITY"); other != "" {
		path = other // a list of the same form, such as one of random strings
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	tokenizers = map[string]*Tokenizer{}
	for name, path := range map[string]string{"demo": "../../../images/demo/wan21-tiny/tokenizer/tokenizer.json",
		"umt5-style": "testdata/umt5-style.json", "plain": "testdata/plain.json"} {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if tokenizers[name], err = Parse(raw); err != nil {
			t.Fatal(err)
		}
	}
	return p, tokenizers
}

func TestParityWithReference(t *testing.T) {
	p, tokenizers := load(t)
	if len(p.Encode) < 200 {
		t.Fatalf("only %d strings", len(p.Encode))
	}
	for _, c := range p.Encode {
		for name, want := range c.IDs {
			got, err := tokenizers[name].Encode(c.Text)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s, %q: %v\n got %v\nwant %v", name, c.Text, err, got, want)
			}
		}
	}
}

func TestParityOfFixedWidth(t *testing.T) {
	p, tokenizers := load(t)
	if len(p.FixedWidth) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range p.FixedWidth {
		ids, mask, err := tokenizers[c.Tokenizer].EncodeTo(c.Text, c.Width)
		if cmp.Diff(c.IDs, ids) != "" || cmp.Diff(c.Mask, mask) != "" || err != nil {
			t.Errorf("%s, %q to %d: %v, %v, %v; want %v, %v", c.Tokenizer, c.Text, c.Width, ids, mask, err, c.IDs, c.Mask)
		}
	}
}

func TestParityOfCleaning(t *testing.T) {
	p, _ := load(t)
	if len(p.Clean) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range p.Clean {
		if got := Clean(c.Text); got != c.Want {
			t.Errorf("%q is cleaned to %q, want %q", c.Text, got, c.Want)
		}
	}
}
