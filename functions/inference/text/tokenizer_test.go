package text

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

func TestLoadTakesThePaddingToken(t *testing.T) {
	tok, err := Load("../../../images/demo/wan21-tiny/tokenizer")
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := tok.ID("</s>"); !ok || id != 1 || tok.Vocab() != 251 {
		t.Errorf("</s> is %d, %v of %d", id, ok, tok.Vocab())
	}
	dir := t.TempDir()
	raw, _ := os.ReadFile("testdata/plain.json")
	os.WriteFile(filepath.Join(dir, "tokenizer.json"), raw, 0o600)
	os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(`{"pad_token":{"content":"a"}}`), 0o600)
	if tok, err = Load(dir); err != nil {
		t.Fatal(err)
	}
	if ids, mask, err := tok.EncodeTo("b", 4); err != nil || ids[3] != 4 || mask[3] != 0 {
		t.Errorf("padded to %v, %v, %v", ids, mask, err)
	}
	os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(`{"pad_token":"?"}`), 0o600)
	if _, err := Load(dir); err == nil {
		t.Error("a padding token that does not exist is accepted")
	}
}

func TestBadText(t *testing.T) {
	_, tokenizers := load(t)
	if _, err := tokenizers["demo"].Encode("a\xff"); !errdefs.IsInvalidArgument(err) {
		t.Errorf("invalid UTF-8: %v", err)
	}
	if _, _, err := tokenizers["demo"].EncodeTo("a", 0); !errdefs.IsInvalidArgument(err) {
		t.Errorf("no room: %v", err)
	}
	if n, err := tokenizers["demo"].Tokens("a red circle"); err != nil || n < 3 {
		t.Errorf("%d tokens, %v", n, err)
	}
}

func TestBadTokenizers(t *testing.T) {
	model := `"model":{"type":"Unigram","unk_id":0,"vocab":[["a",0]]}`
	for doc, why := range map[string]string{
		`[]`:                             "not a tokenizer.json",
		`{"model":{"type":"WordLevel"}}`: `"WordLevel" is not supported`,
		`{"model":{"unk_id":4,"vocab":[["a",0]]}}`:                                                              "outside the vocabulary",
		`{"model":{"vocab":[["a"]]}}`:                                                                           "tokenizer model",
		`{"normalizer":{"type":"Odd"},` + model + `}`:                                                           `normalizer "Odd"`,
		`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"AQAAAA=="},` + model + `}`:                 "does not fit",
		`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"%"},` + model + `}`:                        "precompiled_charsmap",
		`{"normalizer":{"type":"Replace","pattern":{"Regex":"(?<=a)"},"content":""},` + model + `}`:             "Replace",
		`{"pre_tokenizer":{"type":"Digits"},` + model + `}`:                                                     `"Digits"`,
		`{"pre_tokenizer":{"type":"Metaspace","replacement":"xx"},` + model + `}`:                               "one character",
		`{"post_processor":{"type":"Bert"},` + model + `}`:                                                      `"Bert"`,
		`{"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}]},` + model + `}`: "not defined",
	} {
		if _, err := Parse([]byte(doc)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: want %q, got %v", doc, why, err)
		}
	}
}

func FuzzEncode(f *testing.F) {
	p, tokenizers := load(f)
	for _, c := range p.Encode {
		f.Add(c.Text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, tok := range tokenizers {
			ids, err := tok.Encode(Clean(s))
			if err != nil {
				if errdefs.IsInvalidArgument(err) {
					continue
				}
				t.Fatal(err)
			}
			for _, id := range ids {
				if id < 0 || id > int64(tok.Vocab())+3 {
					t.Fatalf("%s: id %d", name, id)
				}
			}
		}
	})
}

// FuzzParse opens any file as a tokenizer.json, which is part of a checkpoint from somewhere; one that it takes must encode.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"plain.json", "umt5-style.json"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, "a b")
	}
	f.Add([]byte(`{"model":{"vocab":[["a",0],["<0x41>",-1]],"byte_fallback":true,"unk_id":0},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}]}}`), "a A")
	f.Add([]byte(`{"model":{"vocab":[["a",0]]},"added_tokens":[{"id":7,"content":" x ","lstrip":true,"rstrip":true,"single_word":true,"normalized":true}],"normalizer":{"type":"Strip","strip_left":true}}`), "a x  b")
	f.Fuzz(func(t *testing.T, raw []byte, s string) {
		tok, err := Parse(raw)
		if err != nil {
			return
		}
		if _, err := tok.Encode(s); err != nil && !errdefs.IsInvalidArgument(err) {
			t.Fatal(err)
		}
		if ids, mask, err := tok.EncodeTo(s, 4); err == nil && (len(ids) != 4 || len(mask) != 4) {
			t.Fatalf("%d ids and a mask of %d, want 4", len(ids), len(mask))
		}
	})
}

func FuzzCharsmap(f *testing.F) {
	f.Add([]byte("\x08\x00\x00\x00\x00\x04\x00\x00\x61\x01\x00\x00x\x00"), "abc")
	f.Fuzz(func(t *testing.T, blob []byte, s string) {
		c, err := newCharsmap(blob)
		if err == nil {
			c.normalize(s)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	_, tokenizers := load(b)
	for b.Loop() {
		if _, err := tokenizers["demo"].Encode("a big red circle moving right slowly on a navy background"); err != nil {
			b.Fatal(err)
		}
	}
}

// TestCharsmapsWrittenInOtherWays: with an escape, a name in capitals or a null, a table is what encoding/json says.
func TestCharsmapsWrittenInOtherWays(t *testing.T) {
	const plain = `{"type":"Precompiled","precompiled_charsmap":"BAAAAAEAAABhAA=="}`
	want, err := parseCharsmap(json.RawMessage(plain))
	if err != nil || len(want.trie) != 1 || want.pool != "a\x00" {
		t.Fatalf("%+v, %v", want, err)
	}
	for _, raw := range []string{strings.Replace(plain, "==", `\u003d=`, 1), strings.Replace(plain, "precompiled", "PRECOMPILED", 1), strings.Replace(plain, ":", " :\n ", 2)} {
		kind, kerr := kindOf(json.RawMessage(raw))
		if got, err := parseCharsmap(json.RawMessage(raw)); err != nil || kerr != nil || kind != "Precompiled" || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %+v, %v %v", raw, kind, got, err, kerr)
		}
	}
	for _, none := range []string{`{"precompiled_charsmap":null}`, `{"precompiled_charsmap":""}`, `{}`} {
		if got, err := parseCharsmap(json.RawMessage(none)); err != nil || got.trie != nil {
			t.Errorf("%s: %+v, %v", none, got, err)
		}
	}
	for _, bad := range []string{`{"precompiled_charsmap":1}`, `{"precompiled_charsmap":"AAAA" 1}`, `{"precompiled_charsmap":"A"}`, `{"precompiled_charsmap":"AAAA`} {
		if got, err := parseCharsmap(json.RawMessage(bad)); err == nil {
			t.Errorf("%s: %+v", bad, got)
		}
	}
}
