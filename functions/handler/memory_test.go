package handler

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/media"
)

// TestARequestWithALargePictureTakesBoundedMemory: the text of the request and what is made of it, in a process of its own.
func TestARequestWithALargePictureTakesBoundedMemory(t *testing.T) {
	if os.Getenv("HANDLER_TEST_MEMORY") != "" {
		largeRequest(t)
		return
	}
	if testing.Short() {
		t.Skip("takes seconds to make the picture")
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestARequestWithALargePictureTakesBoundedMemory$", "-test.v")
	cmd.Env = append(os.Environ(), "HANDLER_TEST_MEMORY=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, kB, _ := strings.Cut(string(out), "ABOVE ")
	n, err := strconv.Atoi(strings.Fields(kB)[0])
	t.Logf("%s", strings.TrimSpace(kB))
	if err != nil || n > 256<<10 {
		t.Errorf("took %d kB, %v", n, err)
	}
}

func largeRequest(t *testing.T) {
	h, err := New(film{generate: func(_ context.Context, r Request, out Output) error {
		return out.Frame(media.Resize(r.Image, r.Width, r.Height, media.Lanczos).Pix)
	}}, quiet(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	picture := detailed(t)
	event := []byte(`{"prompt":"a","image":"` + base64.StdEncoding.EncodeToString(picture) + `"}`)
	picture = picture[:len(picture):len(picture)]
	size := len(picture)
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
	idle := status(t, "VmRSS:") - len(event)>>10
	if _, err := h.Invoke(context.Background(), json.RawMessage(event)); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("ABOVE %d kB, for a picture of %d kB\n", status(t, "VmHWM:")-idle, size>>10)
}

// detailed is a photo of 14 megapixels that is nearly as large as a file may be.
func detailed(t *testing.T) []byte {
	raw, err := media.JPEG(pattern{4400, 3300}, 97)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// pattern is an image without memory.
type pattern struct{ w, h int }

func (p pattern) ColorModel() color.Model { return color.GrayModel }
func (p pattern) Bounds() image.Rectangle { return image.Rect(0, 0, p.w, p.h) }
func (p pattern) At(x, y int) color.Color {
	return color.RGBA{R: byte(x * y), G: byte(x ^ y), B: byte(x*7 + y*13), A: 255}
}

func status(t *testing.T, key string) int {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), key)
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
