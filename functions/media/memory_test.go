package media

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

// photo is a picture with detail everywhere, as a file.
func photo(t testing.TB, w, h int, encode func(b *bytes.Buffer, img image.Image) error) []byte {
	t.Helper()
	img := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	for i := range img.Y {
		img.Y[i] = byte(i%w/16 ^ i/w/16 + i*7%11)
	}
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = byte(i%w/8), byte(i/w)
	}
	var b bytes.Buffer
	if err := encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(b *bytes.Buffer, img image.Image) error {
	return jpeg.Encode(b, img, &jpeg.Options{Quality: 90})
}

func asPNG(b *bytes.Buffer, img image.Image) error {
	return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(b, reduce(rowsOf(img, false), 1, image.Pt(1<<20, 1<<20)))
}

// asGray is the form of a decompression bomb: one level throughout.
func asGray(b *bytes.Buffer, img image.Image) error {
	return png.Encode(b, image.NewGray(img.Bounds()))
}

// claimed is a PNG of one colour, three bytes a pixel.
func claimed(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, RGB{Pix: make([]byte, 3*w*h), Width: w, Height: h}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestOpeningTakesBoundedMemory opens the largest of what is accepted in a process of its own, as a request does it.
func TestOpeningTakesBoundedMemory(t *testing.T) {
	if path := os.Getenv("MEDIA_TEST_PICTURE"); path != "" {
		openForMemory(t, path)
		return
	}
	if testing.Short() {
		t.Skip("takes seconds to make the pictures")
	}
	for name, raw := range map[string][]byte{"48 megapixels": photo(t, 8000, 6000, asJPEG), "PNG": photo(t, 5000, 3300, asPNG), "bomb": photo(t, 8190, 8190, asGray), "colour bomb": claimed(t, 6450, 6450)} {
		path := t.TempDir() + "/picture"
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "-test.run", "^TestOpeningTakesBoundedMemory$", "-test.v")
		cmd.Env = append(os.Environ(), "MEDIA_TEST_PICTURE="+path)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		_, kB, _ := strings.Cut(string(out), "ABOVE ")
		n, err := strconv.Atoi(strings.Fields(kB)[0])
		t.Logf("%s, a file of %d kB: %d MB above idle", name, len(raw)>>10, n>>10)
		if err != nil || n > 256<<10 {
			t.Errorf("%s took %d kB, %v", name, n, err)
		}
	}
}

func openForMemory(t *testing.T, path string) {
	debug.FreeOSMemory()
	idle := status(t, "VmRSS:")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := Picture(raw, image.Pt(1920, 1080))
	if err != nil {
		t.Fatal(err)
	}
	Resize(img, 1920, 1080, Lanczos)
	fmt.Printf("ABOVE %d kB\n", status(t, "VmHWM:")-idle)
}

func status(t *testing.T, key string) int {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), key); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no", key)
	return 0
}

// BenchmarkPhoto is what a photo of 12 megapixels costs a request: to open it, and to scale it for the clip and for CLIP.
func BenchmarkPhoto(b *testing.B) {
	raw := photo(b, 4000, 3000, asJPEG)
	img, err := Picture(raw, image.Pt(832, 480))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := Picture(raw, image.Pt(832, 480)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("clip", func(b *testing.B) {
		for b.Loop() {
			Resize(img, 832, 480, Lanczos)
		}
	})
	b.Run("encoder", func(b *testing.B) {
		for b.Loop() {
			Resize(img, 298, 224, Bicubic)
		}
	})
}
