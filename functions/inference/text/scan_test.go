package text

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestVocabularyOfManyEntriesIsQuick(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0]`)
	for i := range 256_000 {
		fmt.Fprintf(&b, `, [ "▁w%dé世", -%d.5e-1]`, i, i)
	}
	b.WriteString(`, ["\u4e16\"", -1]]}}`)
	start := time.Now()
	tok, err := Parse([]byte(b.String()))
	if err != nil || tok.Vocab() != 256_002 {
		t.Fatalf("%v", err)
	}
	if id, ok := tok.ID("▁w77é世"); !ok || id != 78 || tok.model.(*unigram).pieces[78].score != -7.75 {
		t.Errorf("piece 78 is %d, %+v", id, tok.model.(*unigram).pieces[78])
	}
	took := time.Since(start)
	t.Logf("%d entries in %v", tok.Vocab(), took)
	if took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

func FuzzScan(f *testing.F) {
	f.Add(`{"a":[1,{"b":"}"}],"c":"\"\\","d":null}`)
	f.Add(`[["a",-1.5],["\u00e9",2e3]]`)
	f.Fuzz(func(t *testing.T, s string) {
		parts, err := members([]byte(s))
		var want map[string]json.RawMessage
		if json.Unmarshal([]byte(s), &want) == nil && want != nil {
			if err != nil || len(parts) != len(want) {
				t.Fatalf("%q: %d members of %d, %v", s, len(parts), len(want), err)
			}
			for k, v := range want {
				if strings.TrimSpace(string(parts[k])) != strings.TrimSpace(string(v)) {
					t.Fatalf("%q: %s is %q, want %q", s, k, parts[k], v)
				}
			}
		}
		pieces, err := vocabulary([]byte(s))
		var list [][2]any
		if json.Unmarshal([]byte(s), &list) == nil && err == nil && len(list) != len(pieces) {
			t.Fatalf("%q: %d pieces of %d", s, len(pieces), len(list))
		}
	})
}
