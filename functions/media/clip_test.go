package media

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// film makes a file with ffmpeg: two seconds of a test picture, and what else args say.
func film(t *testing.T, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	all := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc=size=96x64:rate=25:duration=2"}, args...)
	if out, err := exec.Command("ffmpeg", append(all, "-y", path)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func TestClipsAreReadAtTheRateThatIsAskedFor(t *testing.T) {
	for name, args := range map[string][]string{
		"plain.mp4":    {"-pix_fmt", "yuv420p"},
		"sound.mp4":    {"-f", "lavfi", "-i", "sine=duration=2", "-pix_fmt", "yuv420p", "-c:a", "aac"},
		"vp9.webm":     {"-c:v", "libvpx-vp9", "-deadline", "realtime"},
		"any.mkv":      {"-c:v", "mpeg4"},
		"old.avi":      {"-c:v", "mjpeg", "-pix_fmt", "yuvj420p"},
		"variable.mp4": {"-pix_fmt", "yuv420p", "-vf", "select='not(mod(n,7))+lt(n,20)'", "-fps_mode", "vfr"},
		"fragment.mp4": {"-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov"},
	} {
		c, err := OpenClip(context.Background(), film(t, name, args...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Width != 96 || c.Height != 64 || c.Sound != (name == "sound.mp4") || c.Seconds < 1.5 || c.Seconds > 2.1 {
			t.Errorf("%s is %+v", name, c)
		}
		for _, n := range []int{9, 0} {
			got := 0
			err := c.Frames(context.Background(), 10, n, func(f RGB) error {
				if got++; f.Width != 96 || len(f.Pix) != 96*64*3 {
					t.Errorf("%s: a frame of %d×%d", name, f.Width, f.Height)
				}
				return nil
			})
			if err != nil || n > 0 && got != n || n == 0 && (got < int(10*c.Seconds)-1 || got > 21) {
				t.Errorf("%s: %d frames of %d, %v", name, got, n, err)
			}
		}
	}
}

func TestTurnedClipsAreUpright(t *testing.T) {
	side := film(t, "side.mp4", "-pix_fmt", "yuv420p")
	path := filepath.Join(t.TempDir(), "turned.mp4")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-display_rotation", "90", "-i", side, "-c", "copy", path).CombinedOutput(); err != nil {
		if out, err = exec.Command("ffmpeg", "-v", "error", "-i", side, "-c", "copy", "-metadata:s:v", "rotate=90", "-y", path).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	c, err := OpenClip(context.Background(), path)
	if err != nil || c.Width != 64 || c.Height != 96 {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := c.Frames(context.Background(), 5, 1, func(f RGB) error {
		if f.Width != 64 || f.Height != 96 {
			t.Errorf("a frame of %d×%d", f.Width, f.Height)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestFilesThatAreNoClips: each gets one sentence, and none reads another file.
func TestFilesThatAreNoClips(t *testing.T) {
	good, err := os.ReadFile(film(t, "good.mp4", "-pix_fmt", "yuv420p"))
	if err != nil {
		t.Fatal(err)
	}
	still, err := os.ReadFile("testdata/pictures/rgb.png")
	if err != nil {
		t.Fatal(err)
	}
	flv, err := os.ReadFile(film(t, "odd.mkv", "-c:v", "flv1"))
	if err != nil {
		t.Fatal(err)
	}
	sound := filepath.Join(t.TempDir(), "sound.mp4")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", sound).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	tune, _ := os.ReadFile(sound)
	for want, raw := range map[string]string{
		"cut off, its index is missing":                       string(good[:len(good)/2]),
		`coded as "flv1"`:                                     string(flv),
		"no moving pictures: send an MP4":                     string(tune),
		"it is a file of the kind PNG, a picture and no clip": string(still),
		"it is a picture, no clip":                            "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00",
		"no clip that is known here":                          "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n",
		"no clip that is known here: ":                        "ffconcat version 1.0\nfile '/etc/passwd'\n",
		"is no clip that is known":                            "",
		"MP4 file has no moving pictures":                     "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42\x00\x00\x00\x08moov",
		"WebM or Matroska file cannot be":                     "\x1a\x45\xdf\xa3" + strings.Repeat("\xff", 100),
	} {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenClip(context.Background(), path); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := OpenClip(context.Background(), film(t, "large.mp4", "-vf", "scale=4800:2400", "-frames:v", "1", "-preset", "ultrafast", "-pix_fmt", "yuv420p")); !errdefs.IsInvalidArgument(err) {
		t.Errorf("a frame of 11 megapixels: %v", err)
	}
}

func TestAClipThatEndsEarlyIsAnError(t *testing.T) {
	path := film(t, "x.mp4", "-pix_fmt", "yuv420p", "-movflags", "faststart", "-g", "5", "-b:v", "2M")
	c, err := OpenClip(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	st, _ := os.Stat(path)
	if err := os.Truncate(path, st.Size()*2/3); err != nil {
		t.Fatal(err)
	}
	if err := c.Frames(context.Background(), 25, 0, func(RGB) error { return nil }); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "of 50 frames") {
		t.Errorf("got %v", err)
	}
	enough := errors.New("enough")
	if err := c.Frames(context.Background(), 25, 0, func(RGB) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(enough)
	if err := c.Frames(ctx, 25, 0, func(RGB) error { return nil }); !errors.Is(err, enough) {
		t.Errorf("cancelled: %v", err)
	}
}
