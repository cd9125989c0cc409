package serve

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// An instance may take what its function may; who names the memory is heeded before, and a GPU's is another.
func TestAnInstanceMayTakeWhatItsFunctionMay(t *testing.T) {
	t.Setenv(FunctionMemoryEnv, "")
	t.Setenv(MemoryEnv, "")
	all := machine()
	if n, err := memory(engine.Device{}); err != nil || n <= 0 || n > all {
		t.Errorf("%d of the machine's %d bytes, %v", n, all, err)
	}
	t.Setenv(FunctionMemoryEnv, "64")
	if n, err := memory(engine.Device{}); err != nil || n != 64<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if n, err := memory(engine.Device{Kind: engine.CUDA}); err != nil || n != 0 {
		t.Errorf("%d bytes of a GPU, %v", n, err)
	}
	t.Setenv(MemoryEnv, "12345678")
	if n, err := memory(engine.Device{}); err != nil || n != 12345678 {
		t.Errorf("%d bytes, %v", n, err)
	}
	t.Setenv(MemoryEnv, "")
	t.Setenv(FunctionMemoryEnv, "lots")
	if _, err := memory(engine.Device{}); err == nil {
		t.Error("lots is no number")
	}
}

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
