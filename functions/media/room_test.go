package media

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
)

// The encoder takes what is counted for it, and not a fraction: noise, which is the hardest to code, for more frames than it looks ahead.
func TestTheEncoderTakesWhatIsCounted(t *testing.T) {
	for _, side := range []int{64, 256} {
		e, err := NewEncoder(context.Background(), Spec{Width: side, Height: side, FPS: 24, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Abort()
		frame, state := make([]byte, side*side*3), uint32(1)
		for range 90 {
			for i := range frame {
				state = state*1664525 + 1013904223
				frame[i] = byte(state >> 24)
			}
			if err := e.Frame(frame); err != nil {
				t.Fatal(err)
			}
		}
		took, counted := anonymousOf(t, e.cmd.Process.Pid), EncoderMemory(side, side)
		t.Logf("%d × %d: counted %d kB, takes %d", side, side, counted>>10, took>>10)
		if took > counted || counted > 4*took {
			t.Errorf("%d × %d: counted %d bytes, takes %d", side, side, counted, took)
		}
	}
}

func anonymousOf(t *testing.T, pid int) (kb int64) {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		fmt.Sscanf(line, "RssAnon: %d kB", &kb)
	}
	return kb << 10
}
