package media

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// The decoder takes what is counted for it, of every layout of pixels: of a clip with as many frames as it may look back at.
func TestTheDecoderTakesWhatIsCounted(t *testing.T) {
	for name, how := range map[string][]string{
		"small":   {"-c:v", "libx264", "-refs", "16", "-pix_fmt", "yuv420p", "-s", "64x64"},
		"h264":    {"-c:v", "libx264", "-refs", "16", "-pix_fmt", "yuv420p", "-s", "1280x720"},
		"10 bits": {"-c:v", "libx264", "-refs", "16", "-pix_fmt", "yuv422p10le", "-s", "640x480"},
		"444":     {"-c:v", "libx264", "-refs", "16", "-pix_fmt", "yuv444p", "-s", "640x480"},
		"bright":  {"-c:v", "libx264", "-pix_fmt", "yuv420p10le", "-color_trc", "smpte2084", "-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-s", "640x480"},
		"raw":     {"-c:v", "ffv1", "-pix_fmt", "bgra", "-s", "640x480"},
	} {
		path := filepath.Join(t.TempDir(), "clip.mkv")
		args := append([]string{"-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=rate=24:duration=1"}, append(how, path)...)
		if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", name, err, out)
		}
		c, err := OpenClip(context.Background(), path)
		if err != nil {
			t.Fatal(name, err)
		}
		most := int64(0)
		n := 0
		if err := c.Frames(context.Background(), 24, 0, func(RGB) error {
			if n++; n%6 == 0 {
				most = max(most, childOf(t))
			}
			return nil
		}); err != nil {
			t.Fatal(name, err)
		}
		t.Logf("%s: counted %d kB, takes %d", name, c.DecoderMemory()>>10, most>>10)
		if most == 0 || most > c.DecoderMemory() || c.DecoderMemory() > 8*most {
			t.Errorf("%s: counted %d kB, takes %d", name, c.DecoderMemory()>>10, most>>10)
		}
	}
}

// childOf is what the children of this process have of memory of their own.
func childOf(t *testing.T) (sum int64) {
	t.Helper()
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	for _, task := range tasks {
		raw, _ := os.ReadFile(task) // a thread may have ended
		for _, pid := range strings.Fields(string(raw)) {
			if n, err := strconv.Atoi(pid); err == nil {
				sum += anonymousOf(t, n)
			}
		}
	}
	return sum
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
