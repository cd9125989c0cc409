package registry

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestSpellingOfUnits is shown as in the manifest, and makes no other function.
func TestSpellingOfUnits(t *testing.T) {
	read := func(text string) spec.Function {
		fn, d, err := parse("f.yaml", []byte(text))
		if err != nil || d == nil {
			t.Fatal(err)
		}
		return withDefaults(fn)
	}
	a := read("name: f\nimage: i\ntimeout: 90s\nkeepAlive: 15m\nlimits: {memory: 512Mi}\n")
	b := read("name: f\nimage: i\ntimeout: 1m30s\nkeepAlive: 15m0s\nlimits: {memory: 0.5GiB}\n")
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"timeout":"90s"`, `"keepAlive":"15m"`, `"memory":"512Mi"`, `"initTimeout":"1m0s"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
	h := &hasher{files: map[string]fileHash{}}
	da, _, err := h.digest(a)
	if err != nil {
		t.Fatal(err)
	}
	if db, _, err := h.digest(b); err != nil || da != db {
		t.Errorf("%s and %s, %v", da, db, err)
	}
}
