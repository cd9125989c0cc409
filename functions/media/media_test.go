package media

import (
	"bytes"
	"context"
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func picture(w, h, t int) []byte {
	p := make([]byte, w*h*3)
	for i := range w * h {
		p[3*i], p[3*i+1], p[3*i+2] = byte(40+5*t), byte(200*(i%w)/w), byte(200*(i/w)/h)
	}
	return p
}

func encode(t *testing.T, dir string, frames int) (*File, error) {
	t.Helper()
	e, err := NewEncoder(context.Background(), Spec{Width: 64, Height: 48, FPS: 12.5, Comment: `{"prompt":"a; b=c\nd \"e\""}`, Dir: dir})
	if err != nil {
		return nil, err
	}
	for i := range frames {
		if err := e.Frame(picture(64, 48, i)); err != nil {
			break // Close says why
		}
	}
	return e.Close()
}

// noise does not compress: 60 frames of it are more than a small disk holds.
func noise(t *testing.T, dir string) (*File, error) {
	t.Helper()
	e, err := NewEncoder(context.Background(), Spec{Width: 64, Height: 48, FPS: 10, Dir: dir})
	if err != nil {
		return nil, err
	}
	r, frame := rand.New(rand.NewPCG(1, 2)), make([]byte, 64*48*3)
	for range 60 {
		for i := range frame {
			frame[i] = byte(r.Uint32())
		}
		if e.Frame(frame) != nil {
			break // Close says why
		}
	}
	return e.Close()
}

func TestClipComesBack(t *testing.T) {
	dir := t.TempDir()
	f, err := encode(t, dir, 9)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := Decode(context.Background(), f.Path)
	if err != nil || len(frames) != 9 || f.Frames != 9 || frames[0].Width != 64 || frames[0].Height != 48 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	for i, got := range frames {
		want, sum := picture(64, 48, i), 0.0
		for k := range want {
			sum += math.Abs(float64(want[k]) - float64(got.Pix[k]))
		}
		if mean := sum / float64(len(want)); mean > 4 {
			t.Errorf("frame %d is off by %.1f on average", i, mean)
		}
	}
	raw, _ := os.ReadFile(f.Path)
	if moov, mdat := bytes.Index(raw, []byte("moov")), bytes.Index(raw, []byte("mdat")); moov < 0 || moov > mdat {
		t.Errorf("the index is at %d, the data at %d: no fast start", moov, mdat)
	}
	if !bytes.Contains(raw, []byte(`{"prompt":"a; b=c\nd \"e\""}`)) {
		t.Error("the comment is not in the file as it was given")
	}
	if again, err := encode(t, dir, 9); err != nil {
		t.Error(err)
	} else if other, _ := os.ReadFile(again.Path); !bytes.Equal(raw, other) {
		t.Error("the same frames give another file")
	}
	probeFile(t, f.Path)
}

func probeFile(t *testing.T, path string) {
	out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,pix_fmt,r_frame_rate,color_space", "-of", "csv=p=0", path).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "h264,yuv420p,bt709,25/2" {
		t.Errorf("the stream is %s (%v)", got, err)
	}
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if os.Getuid() != 0 {
		t.Log("not root: the full disk is only simulated")
		fake(t, `echo "av_interleaved_write_frame(): No space left on device" >&2; exit 1`)
	} else {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
			t.Fatal(err)
		}
		defer unix.Unmount(dir, unix.MNT_DETACH)
	}
	_, err := noise(t, dir)
	if !errors.Is(err, ErrDiskFull) || !errdefs.IsResourceExhausted(err) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a full disk gives %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func fake(t *testing.T, script string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VIDEOSDGX_FFMPEG", path)
}

func TestFailuresAreClear(t *testing.T) {
	t.Run("missing", func(t *testing.T) {
		t.Setenv("VIDEOSDGX_FFMPEG", "/nowhere/ffmpeg")
		if _, err := encode(t, t.TempDir(), 1); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "/nowhere/ffmpeg") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("not on the path", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if _, err := encode(t, t.TempDir(), 1); err == nil || !strings.Contains(err.Error(), "apt-get install ffmpeg") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("failing", func(t *testing.T) {
		fake(t, `echo one >&2; echo "no such codec" >&2; exit 3`)
		if _, err := encode(t, t.TempDir(), 50); err == nil || !strings.Contains(err.Error(), "no such codec") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no frames", func(t *testing.T) {
		if _, err := encode(t, t.TempDir(), 0); err == nil {
			t.Error("a clip without frames was made")
		}
	})
	t.Run("odd sides", func(t *testing.T) {
		if _, err := NewEncoder(context.Background(), Spec{Width: 3, Height: 4, FPS: 1}); !errdefs.IsInvalidArgument(err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCancelAndAbortLeaveNothing(t *testing.T) {
	dir, why := t.TempDir(), errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	e, err := NewEncoder(ctx, Spec{Width: 4, Height: 4, FPS: 1, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	cancel(why)
	if _, err := e.Close(); !errors.Is(err, why) {
		t.Errorf("cancelled: %v", err)
	}
	if e, err = NewEncoder(context.Background(), Spec{Width: 4, Height: 4, FPS: 1, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if err := e.Frame(make([]byte, 5)); !errdefs.IsInvalidArgument(err) {
		t.Errorf("half a frame: %v", err)
	}
	e.Abort()
	e.Abort()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestJPEG(t *testing.T) {
	flat := RGB{Pix: bytes.Repeat([]byte{10, 100, 250}, 35), Width: 7, Height: 5}
	raw, err := JPEG(flat, 80)
	if err != nil {
		t.Fatal(err)
	}
	img, err := Picture(raw, image.Point{})
	if err != nil || img.Bounds().Size() != image.Pt(7, 5) {
		t.Errorf("read back as %v, %v", img, err)
	}
}
