package serve

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// An instance may take what its function may; who names the memory is heeded before, and a GPU's is another.
func TestAnInstanceMayTakeWhatItsFunctionMay(t *testing.T) {
	t.Setenv(handler.FunctionMemoryEnv, "")
	t.Setenv(MemoryEnv, "")
	if n, err := memory(engine.Device{}); err != nil || n <= 0 {
		t.Errorf("%d bytes, %v", n, err)
	}
	t.Setenv(handler.FunctionMemoryEnv, "64")
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
	t.Setenv(handler.FunctionMemoryEnv, "lots")
	if _, err := memory(engine.Device{}); err == nil {
		t.Error("lots is no number")
	}
}
