package media

import (
	"bufio"
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"os"
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

// TestOpeningTakesBoundedMemory opens the largest of what is accepted, as a request does it.
func TestOpeningTakesBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds to make the pictures")
	}
	files := map[string][]byte{"48 megapixels": photo(t, 8000, 6000, asJPEG), "PNG": photo(t, 5000, 3300, asPNG), "bomb": photo(t, 8190, 8190, asGray), "colour bomb": claimed(t, 6450, 6450)}
	for name, c := range openedApart(t, files) {
		t.Logf("%s, a file of %d kB: %d MB", name, len(files[name])>>10, c.took>>20)
		if c.took > 256<<20 {
			t.Errorf("%s took %d bytes", name, c.took)
		}
	}
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
