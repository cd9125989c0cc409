package media

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// renamed are MP4 boxes as they are but for those that change gives anew; nil leaves one out.
func renamed(boxes []byte, change func(name string, body []byte) []byte) (out []byte) {
	for len(boxes) >= 8 {
		n := binary.BigEndian.Uint32(boxes)
		name, body := string(boxes[4:8]), boxes[8:n]
		switch name {
		case "moov", "trak", "mdia", "minf", "stbl":
			body = renamed(body, change)
		}
		if body = change(name, body); body != nil {
			out = appendBox(out, name, body)
		}
		boxes = boxes[n:]
	}
	return out
}

// naming is a clip whose index names so many frames of a byte each.
func naming(t *testing.T, frames uint32) string {
	t.Helper()
	raw, err := os.ReadFile(made(t, "plain.mp4", "-movflags", "+faststart", "-bf", "0"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "names.mp4")
	raw = renamed(raw, func(name string, body []byte) []byte {
		switch name {
		case "stsz":
			return words(0, 1, frames)
		case "stts":
			return words(0, 1, frames, 512)
		case "stsc":
			return words(0, 1, 1, frames, 1)
		case "stss", "edts":
			return nil
		}
		return body
	})
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// refused says that the clip is to blame, in one sentence with these words.
func refused(t *testing.T, err error, with ...string) {
	t.Helper()
	for _, want := range with {
		if !errdefs.IsInvalidArgument(err) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), want) {
			t.Fatalf("%v, and not %q", err, want)
		}
	}
}

// TestAProgramIsBounded: what reads a file is refused more memory than it was given, and the kernel's choice when there is none.
func TestAProgramIsBounded(t *testing.T) {
	for most, fits := range map[int64]bool{16 << 20: false, 1 << 30: true} {
		cmd := exec.Command("sh", "-c", `read go; cat /proc/$$/oom_score_adj; exec dd if=/dev/zero of=/dev/null bs=300M count=1`)
		in, err := cmd.StdinPipe()
		var out strings.Builder
		cmd.Stdout = &out
		if err == nil {
			err = start(cmd, most)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err = in.Write([]byte("go\n")); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); (err == nil) != fits || out.String() != "1000\n" {
			t.Errorf("%d bytes: %v, %q", most, err, out.String())
		}
	}
}

// TestAnIndexOfMillionsOfFrames: a file of some kilobytes, for whose index ffprobe takes 24 bytes a frame.
func TestAnIndexOfMillionsOfFrames(t *testing.T) {
	_, err := OpenClip(context.Background(), naming(t, 1_000_000))
	refused(t, err, "its index names 1000000 frames: 432000 at most")
	large := naming(t, 20_000_000) // 480 MB
	_, err = OpenClipWithin(context.Background(), large, 192<<20)
	refused(t, err, "its index names 20000000 frames")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = OpenClipWithin(ctx, large, 192<<20); err == nil || errdefs.IsInvalidArgument(err) {
		t.Errorf("who gives up blames the file: %v", err)
	}
}

// growing is a clip whose pictures turn larger after the first few.
func growing(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	list := ""
	for i, s := range []string{"64x64", size} {
		part := run(t, "-f", "lavfi", "-i", "testsrc=rate=16:duration=0.5:size="+s, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", filepath.Join(dir, strconv.Itoa(i)+".webm"))
		list += fmt.Sprintf("file '%s'\n", part)
	}
	if err := os.WriteFile(filepath.Join(dir, "list"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	return run(t, "-f", "concat", "-safe", "0", "-i", filepath.Join(dir, "list"), "-c", "copy", filepath.Join(dir, "grows.webm"))
}

// TestAClipThatTurnsLarger: a little is what calls over a network do; what takes far more than was counted is refused.
func TestAClipThatTurnsLarger(t *testing.T) {
	frames := func(size string) (n int, err error) {
		c, err := OpenClip(context.Background(), growing(t, size))
		if err != nil {
			t.Fatal(err)
		}
		return n, c.Frames(context.Background(), 16, 0, func(RGB) error { n++; return nil })
	}
	if n, err := frames("640x360"); n < 14 || err != nil {
		t.Errorf("%d frames, %v", n, err)
	}
	_, err := frames("4096x2304")
	refused(t, err, "it takes more memory than its head says, ", "turn larger on the way: send what `ffmpeg")
}
