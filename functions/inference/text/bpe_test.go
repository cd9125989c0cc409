package text

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
)

// bpeTokenizers are those of testdata/make_bpe_parity.py: Gemma's form as tokenizer.json and tokenizer.model, and two others.
func bpeTokenizers(t testing.TB) map[string]*Tokenizer {
	t.Helper()
	all := map[string]*Tokenizer{}
	for _, file := range []string{"gemma.json", "gemma.model", "bpe-plain.json", "prefixed.model"} {
		raw, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		parse, name := parseSentencePiece, file
		if strings.HasSuffix(file, ".json") {
			parse, name = Parse, strings.TrimSuffix(file, ".json")
		}
		if all[name], err = parse(raw); err != nil {
			t.Fatal(file, err)
		}
	}
	return all
}

func bpeParity(t testing.TB) (p parity) {
	t.Helper()
	path := "testdata/bpe_parity.json"
	if other := os.Getenv("TEXT_BPE_PARITY"); other != "" {
		path = other
	}
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestBPEParityWithReference(t *testing.T) {
	p, tokenizers := bpeParity(t), bpeTokenizers(t)
	if len(p.Encode) < 300 {
		t.Fatalf("only %d strings", len(p.Encode))
	}
	wrong := 0
	for _, c := range p.Encode {
		if len(c.IDs) != len(tokenizers) {
			t.Fatalf("%q has the ids of %d tokenizers", c.Text, len(c.IDs))
		}
		for name, want := range c.IDs {
			got, err := tokenizers[name].Encode(c.Text)
			if len(want) == 0 && len(got) == 0 && err == nil {
				continue
			}
			if cmp.Diff(want, got) != "" || err != nil {
				if wrong++; wrong < 10 {
					t.Errorf("%s, %q: %v\n got %v\nwant %v", name, c.Text, err, got, want)
				}
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d are wrong", wrong)
	}
}

func TestLoadTakesTheModelFile(t *testing.T) {
	dir := t.TempDir()
	raw, err := os.ReadFile("testdata/gemma.model")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tokenizer.model"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	tok, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := tok.Encode("a red circle"); err != nil || ids[0] != 2 {
		t.Errorf("%v, %v", ids, err)
	}
	if id, ok := tok.ID("<bos>"); !ok || id != 2 {
		t.Errorf("<bos> is %d", id)
	}
}

func TestBadBPETokenizers(t *testing.T) {
	for doc, why := range map[string]string{
		`{"model":{"type":"WordPiece","vocab":{}}}`:                                                                 `"WordPiece" is not supported`,
		`{"model":{"type":"BPE","vocab":{"a":0},"unk_token":"?"}}`:                                                  "not in the vocabulary",
		`{"model":{"type":"BPE","vocab":{"a":0.5},"merges":[]}}`:                                                    "an id",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}`:                                                 "are not in the vocabulary",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}`:                                                   "a pair",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}}`:                                                 "merges",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}`:                                        "dropout",
		`{"pre_tokenizer":{"type":"Split","pattern":{"String":"a"},"behavior":"Contiguous"},"model":{"vocab":[]}}`:  "Contiguous",
		`{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(?<=a)"},"behavior":"Removed"},"model":{"vocab":[]}}`: "Split",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":5}}`:                                        "unk_token",
		`{"model":{"type":3}}`: "type",
	} {
		if _, err := Parse([]byte(doc)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: want %q, got %v", doc, why, err)
		}
	}
	for raw, is := range map[string]func(error) bool{"": errdefs.IsDataLoss, "\xff": errdefs.IsDataLoss, "\x0a\x03\x0a\x01a": errdefs.IsNotImplemented} {
		if _, err := parseSentencePiece([]byte(raw)); !is(err) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func FuzzBPE(f *testing.F) {
	for _, c := range bpeParity(f).Encode[:80] {
		f.Add(c.Text)
	}
	tokenizers := bpeTokenizers(f)
	f.Fuzz(func(t *testing.T, s string) {
		for name, tok := range tokenizers {
			ids, err := tok.Encode(s)
			if err != nil && !errdefs.IsInvalidArgument(err) {
				t.Fatal(err)
			}
			for _, id := range ids {
				if id < 0 || id >= int64(tok.Vocab()) {
					t.Fatalf("%s: id %d", name, id)
				}
			}
		}
	})
}

// FuzzSentencePiece opens any file as a tokenizer.model; one that it takes must encode.
func FuzzSentencePiece(f *testing.F) {
	raw, err := os.ReadFile("testdata/prefixed.model")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw[:2000], "a red circle")
	f.Add([]byte("\x0a\x03\x0a\x01a\x0a\x08\x0a\x02aa\x15\x00\x00\x80\x3f\x12\x04\x18\x02\x98\x02\x01"), "aaa b")
	f.Fuzz(func(t *testing.T, raw []byte, s string) {
		tok, err := parseSentencePiece(raw)
		if err != nil {
			return
		}
		ids, err := tok.Encode(s)
		if err != nil && !errdefs.IsInvalidArgument(err) {
			t.Fatal(err)
		}
		for _, id := range ids {
			if id < 0 || id >= int64(tok.Vocab()) {
				t.Fatalf("id %d", id)
			}
		}
	})
}
