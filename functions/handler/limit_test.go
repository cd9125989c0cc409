package handler

import (
	"os"
	"path/filepath"
	"testing"
)

// Files of control groups, of both versions: a number, "max", or none.
func TestLimitsOfControlGroups(t *testing.T) {
	file := filepath.Join(t.TempDir(), "memory.max")
	if n := group(file); n != 0 {
		t.Errorf("%d without a file", n)
	}
	for text, want := range map[string]int64{"536870912\n": 512 << 20, "max\n": 0, "9223372036854771712\n": 9223372036854771712, "": 0} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n := group(file); n != want {
			t.Errorf("%q is %d", text, n)
		}
	}
	if n := least(0, 7, 3, 0, 9); n != 3 {
		t.Errorf("the least is %d", n)
	}
}
