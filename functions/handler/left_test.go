package handler

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// deep is a PNG of 16 bits, which takes eight bytes for a pixel to open and hardly any to send.
func deep(t testing.TB, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA64(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readIn is what a film's intake makes of a request in an instance that may take so many bytes more than it has.
func readIn(t *testing.T, more int64, m film, files, body string) (Request, error) {
	t.Helper()
	in, err := newIntake(m.Describe(), files, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	debug.FreeOSMemory() // what making the request has left is not to be given back while it is read
	in.memory = own() + companions + more
	r, err := in.read(context.Background(), []byte(body))
	if err == nil {
		t.Cleanup(r.release)
	}
	return r, err
}

// A picture that takes more memory than is left is refused before it is opened, sent as text or beside the event, alone or with others.
func TestAPictureThatDoesNotFitIsRefusedUnopened(t *testing.T) {
	files := t.TempDir()
	raw := deep(t, 2000) // 32 MB
	if err := os.WriteFile(filepath.Join(files, "a"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	both := film{limits: func(l *Limits) { l.LastImage = "optional" }}
	text := base64.StdEncoding.EncodeToString(raw)
	for name, c := range map[string]struct {
		image, last string
		more        int64
		ok          bool
	}{
		"as text": {text, "", 16 << 20, false}, "beside": {"file:a", "", 16 << 20, false}, "it fits": {"file:a", "", 128 << 20, true},
		"text that fits": {text, "", 128 << 20, true}, "two, one after the other": {"file:a", "file:a", 128 << 20, true}, "two that do not": {"file:a", "file:a", 4 << 20, false},
	} {
		r, err := readIn(t, c.more, both, files, fmt.Sprintf(`{"prompt":"a","image":%q,"last_image":%q}`, c.image, c.last))
		if c.last == "" {
			r, err = readIn(t, c.more, both, files, fmt.Sprintf(`{"prompt":"a","image":%q}`, c.image))
		}
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err == nil {
			if pixels := r.Pictures["image"].Bounds().Size(); r.Held < int64(3*pixels.X*pixels.Y) {
				t.Errorf("%s: it holds %d bytes, and a picture of %v", name, r.Held, pixels)
			}
			continue
		}
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "image cannot be used: a PNG picture of 2000×2000 pixels may take ") || !strings.Contains(err.Error(), "raise limits.memory") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file that would fill what is left, in the text of the request, is not read either.
func TestAFileThatDoesNotFitIsRefusedUnread(t *testing.T) {
	m := film{limits: func(l *Limits) { l.Video = "optional" }}
	text := base64.StdEncoding.EncodeToString(make([]byte, 9<<20))
	for _, field := range []string{"image", "video"} {
		_, err := readIn(t, 4<<20, m, "", `{"prompt":"a","`+field+`":"`+text+`"}`)
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), field+" cannot be used: it takes ") || !strings.Contains(err.Error(), "send a smaller file, or raise limits.memory") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// What reads a video counts, and so does its file where the request's text had it.
func TestARequestHoldsItsVideo(t *testing.T) {
	files := t.TempDir()
	clip := filepath.Join(files, "clip.mp4")
	if out, err := exec.Command("ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=8:duration=1", "-pix_fmt", "yuv420p", clip).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	raw, err := os.ReadFile(clip)
	if err != nil {
		t.Fatal(err)
	}
	m := film{limits: func(l *Limits) { l.Video = "optional" }}
	beside, err := readIn(t, 1<<30, m, files, `{"prompt":"a","video":"file:clip.mp4"}`)
	if err != nil {
		t.Fatal(err)
	}
	text := `{"prompt":"a","video":"` + base64.StdEncoding.EncodeToString(raw) + `"}`
	inside, err := readIn(t, 1<<30, m, files, text)
	if err != nil {
		t.Fatal(err)
	}
	decoder := beside.Video.DecoderMemory()
	if beside.Held < decoder || decoder < 1<<20 || inside.Held < decoder+int64(2*len(text)+len(raw)) {
		t.Errorf("%d and %d bytes are held, %d of them by the decoder, of %d", beside.Held, inside.Held, decoder, len(raw))
	}
}

// A video that leaves the clip too little is told the size that leaves enough, and one of that size is taken; where the clip would not
// fit by itself either, the model says so.
func TestAVideoIsToldTheSizeThatFitsBesideTheClip(t *testing.T) {
	files := t.TempDir()
	of := func(w, h int) string {
		name := fmt.Sprintf("%dx%d.mp4", w, h)
		if out, err := exec.Command("ffmpeg", "-y", "-loglevel", "error", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%dx%d:rate=8:duration=0.5", w, h), "-pix_fmt", "yuv420p", "-preset", "ultrafast", filepath.Join(files, name)).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		return fmt.Sprintf(`{"prompt":"a","video":"file:%s"}`, name)
	}
	m := film{limits: func(l *Limits) { l.Video = "optional" }, fits: func(r Request) bool { return r.Video == nil || r.Held <= 80<<20 }}
	_, err := readIn(t, 1<<30, m, files, of(1920, 1080))
	if !errdefs.IsInvalidArgument(err) {
		t.Fatal(err)
	}
	_, would, _ := strings.Cut(err.Error(), "video cannot be used: a clip of 1920×1080 pixels may take 115 MiB of memory to read, this instance has 79 MiB left: scale it to ")
	var w, h int
	if n, _ := fmt.Sscanf(would, "%d×%d or less, or raise limits.memory.", &w, &h); n != 2 || w < 640 {
		t.Fatal(err)
	}
	r, err := readIn(t, 1<<30, m, files, of(w, h))
	if err != nil || !m.fits(r) {
		t.Errorf("%d × %d holds %d: %v", w, h, r.Held, err)
	}
	m.fits = func(Request) bool { return false }
	if _, err := readIn(t, 1<<30, m, files, of(1920, 1080)); err != nil {
		t.Error(err)
	}
}

// A video in the text of a request that the temporary folder does not hold blames the request, names no path and leaves nothing.
func TestAVideoThatTheScratchFolderDoesNotHold(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, for a small file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	in, err := newIntake(film{limits: func(l *Limits) { l.Video = "optional" }}.Describe(), "", dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = in.read(context.Background(), []byte(`{"prompt":"a","video":"`+base64.StdEncoding.EncodeToString(make([]byte, 128<<10))+`"}`))
	if !errdefs.IsInvalidArgument(err) || err.Error() != "video cannot be used: its 131072 bytes do not fit the instance's temporary folder: send a smaller file, or raise limits.scratch of the function." {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
