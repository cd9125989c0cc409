package media

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// reference reads a file of testdata/pictures.py.
func reference(t testing.TB, path string) RGB {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return RGB{Width: int(binary.LittleEndian.Uint32(raw)), Height: int(binary.LittleEndian.Uint32(raw[4:])), Pix: raw[8:]}
}

// furthest is the largest difference of two pictures in levels, 256 when they have other sizes.
func furthest(a, b RGB) int {
	if a.Width != b.Width || a.Height != b.Height || len(a.Pix) != len(b.Pix) {
		return 256
	}
	most := 0
	for i, v := range a.Pix {
		most = max(most, int(v)-int(b.Pix[i]), int(b.Pix[i])-int(v))
	}
	return most
}

// TestPicturesAreWhatPillowMakesOfThem: exact, but for the rounding of JPEG's transform.
func TestPicturesAreWhatPillowMakesOfThem(t *testing.T) {
	names, err := filepath.Glob("testdata/pictures/*.rgb")
	if err != nil || len(names) < 60 {
		t.Fatalf("%d references, %v", len(names), err)
	}
	for _, name := range names {
		name = strings.TrimSuffix(name, ".rgb")
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Picture(raw, image.Point{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		tolerance := 0
		if strings.HasSuffix(name, ".jpg") {
			tolerance = 3
		}
		if off := furthest(got, reference(t, name+".rgb")); off > tolerance {
			t.Errorf("%s is off by %d levels", name, off)
		}
	}
}

func TestResizeIsPillows(t *testing.T) {
	src := reference(t, "testdata/resize/source.rgb")
	for name, f := range map[string]Filter{"lanczos": Lanczos, "bicubic": Bicubic} {
		files, _ := filepath.Glob("testdata/resize/" + name + "-*.rgb")
		if len(files) != 5 {
			t.Fatal(files)
		}
		for _, file := range files {
			want := reference(t, file)
			if off := furthest(Resize(src, want.Width, want.Height, f), want); off != 0 {
				t.Errorf("%s is off by %d levels", file, off)
			}
		}
	}
}

// TestAPartOfAResizedPicture is the same as that part of the whole, also of pictures far from the shape that they are cut to.
func TestAPartOfAResizedPicture(t *testing.T) {
	src := reference(t, "testdata/resize/source.rgb")
	for _, size := range []image.Point{{src.Width, src.Height}, {64, 48}, {7, 90}, {300, 5}, {1, 1}} {
		whole := Resize(src, size.X, size.Y, Bicubic)
		for _, window := range []image.Rectangle{image.Rect(0, 0, size.X, size.Y), image.Rect(size.X/3, size.Y/4, size.X/3+(size.X+1)/2, size.Y/4+(size.Y+1)/2)} {
			part := ResizeTo(src, size, window, Bicubic)
			for y := range part.Height {
				at := 3 * ((window.Min.Y+y)*size.X + window.Min.X)
				if !bytes.Equal(part.Pix[3*part.Width*y:][:3*part.Width], whole.Pix[at:at+3*part.Width]) {
					t.Fatalf("line %d of %v of %v differs", y, window, size)
				}
			}
		}
	}
	line := RGB{Pix: bytes.Repeat([]byte{9, 8, 7}, 16000), Width: 16000, Height: 1}
	part := ResizeTo(line, image.Pt(16000*256, 256), image.Rect(8000*256, 0, 8000*256+256, 256), Bicubic) // 3 GB as a whole
	if !bytes.Equal(part.Pix, bytes.Repeat([]byte{9, 8, 7}, 256*256)) {
		t.Error("a line of one colour has others")
	}
}

// FuzzPicture opens what a request may send as an image. What is taken has pixels.
func FuzzPicture(f *testing.F) {
	names, _ := filepath.Glob("testdata/pictures/*.*")
	for _, name := range names {
		if raw, err := os.ReadFile(name); err == nil && !strings.HasSuffix(name, ".rgb") {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := Picture(raw, image.Pt(64, 64))
		if err != nil {
			if !errdefs.IsInvalidArgument(err) || strings.Contains(err.Error(), "\n") {
				t.Fatal(err)
			}
			return
		}
		if got.Width < 1 || got.Height < 1 || len(got.Pix) != 3*got.Width*got.Height || got.Width*got.Height > keptPixels {
			t.Fatalf("a picture of %d×%d in %d bytes", got.Width, got.Height, len(got.Pix))
		}
	})
}

func TestOtherFilesAreRefusedInOneSentence(t *testing.T) {
	good, err := os.ReadFile("testdata/pictures/rgb.png")
	if err != nil {
		t.Fatal(err)
	}
	for want, raw := range map[string]string{
		"it is a file of the kind TIFF, which is not read here": "II*\x00\x08\x00\x00\x00", "kind HEIC, which": "\x00\x00\x00\x18ftypheic\x00", "kind AVIF, which": "\x00\x00\x00\x1cftypavif",
		"kind SVG, which": "<svg xmlns=", "kind PDF, which": "%PDF-1.4", "kind HTML, which": "<!DOCTYPE html>", "kind MP4, which": "\x00\x00\x00\x1cftypisom",
		"the file is empty": "", "3 bytes are no picture": "ABC", "PNG picture cannot be opened": string(good[:len(good)-30]),
	} {
		if _, err := Picture([]byte(raw), image.Point{}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// claim is a PNG file whose header promises w × h pixels of a colour type and depth.
func claim(w, h uint32, depth, colour byte) []byte {
	b := bytes.NewBufferString("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
	b.Write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h))
	b.Write([]byte{depth, colour, 0, 0, 0})
	return append(b.Bytes(), make([]byte, 30)...)
}

func TestWhatWouldTakeTooMuchMemoryIsRefusedUnopened(t *testing.T) {
	for _, raw := range [][]byte{claim(20000, 20000, 8, 0), claim(8190, 8190, 8, 6), claim(6000, 6000, 16, 6), claim(1<<31-1, 1<<31-1, 16, 6), claim(1<<24, 1, 8, 0), claim(1, longest+1, 8, 0)} {
		if _, err := Picture(raw, image.Point{}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "too large") && !strings.Contains(err.Error(), "too long") {
			t.Errorf("got %v", err)
		}
	}
	scans := "\xff\xd8\xff\xc2\x00\x0b\x08\x10\x00\x10\x00\x01\x01\x11\x00" + strings.Repeat("\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00", maxScans+1)
	if _, err := Picture([]byte(scans), image.Point{}); err == nil || !strings.Contains(err.Error(), "scans") {
		t.Errorf("got %v", err)
	}
}

// TestWhatIsClaimedTwiceIsWhatDecodingTakes: a second claim, before or behind the end, does not hide the first.
func TestWhatIsClaimedTwiceIsWhatDecodingTakes(t *testing.T) {
	chunk := func(name string, body ...byte) string {
		return string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + name + string(body) + string(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(append([]byte(name), body...))))
	}
	big, small := string(claim(20000, 20000, 8, gray))[:33], chunk("IHDR", 0, 0, 0, 1, 0, 0, 0, 1, 8, gray, 0, 0, 0)
	webp := func(w, h int, alpha byte) string {
		x := []byte{0x10, 0, 0, 0, byte(w - 1), byte((w - 1) >> 8), byte((w - 1) >> 16), byte(h - 1), byte((h - 1) >> 8), byte((h - 1) >> 16)}
		return "RIFF\x22\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00" + string(x) + "ALPH\x01\x00\x00\x00" + string(alpha) + "\x00"
	}
	behind := webp(4000, 4000, 1) // 9 bytes a pixel would do, 12 are too many
	behind += "VP8L\x00\x00\x00\x00"
	for name, raw := range map[string]string{"lossless pixels behind compressed transparency": behind, "a head behind the pixels": big + chunk("IDAT") + small, "a head behind the end": big + chunk("IEND") + small, "compressed transparency": webp(8000, 8000, 1)} {
		if _, err := Picture([]byte(raw), image.Point{}); err == nil || !strings.Contains(err.Error(), "too large") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	twice := b.String()[:33] + chunk("tRNS", 0, 0) + chunk("tRNS", 0, 0) + b.String()[33:] + chunk("tRNS", 0, 0)
	img, err := decodePNG([]byte(twice), head{})
	if _, ok := img.(*image.Gray); !ok || err != nil {
		t.Errorf("gray with several transparent levels is decoded as %T, %v", img, err)
	}
}

func TestLargePicturesAreReducedToWhatIsNeeded(t *testing.T) {
	big := RGB{Pix: make([]byte, 3*4100*2050), Width: 4100, Height: 2050}
	for i := range big.Pix {
		big.Pix[i] = byte(i % 3 * 100)
	}
	for need, want := range map[image.Point]image.Point{{}: {2050, 1025}, {X: 700, Y: 400}: {4100, 2050}, {X: 1920, Y: 1080}: {4100, 2050}} {
		r := rowsOf(big, false)
		if want.X != big.Width {
			r.height, big.Height = 3100, 3100 // taller, so that both sides have three times what is needed
			r.reader = func() func(int, []byte) { return func(_ int, dst []byte) { copy(dst, big.Pix[:len(dst)]) } }
			want.Y = 1550
		}
		got := reduce(r, 1, need)
		if got.Bounds().Size() != want || !bytes.Equal(got.Pix[len(got.Pix)-3:], []byte{0, 100, 200}) {
			t.Errorf("for %v: %v, last pixel %v", need, got.Bounds(), got.Pix[len(got.Pix)-3:])
		}
		big.Height = 2050
	}
}

// TestLosslessWebPCountsItsTrees: what a file of a few hundred kB may make the decoder allocate counts, as far as the file and
// the picture are large enough for it.
func TestLosslessWebPCountsItsTrees(t *testing.T) {
	file := func(w, h, bytes int) []byte {
		head := binary.LittleEndian.AppendUint32([]byte{0x2f}, uint32(w-1)|uint32(h-1)<<14)
		chunk := append([]byte("VP8L"), binary.LittleEndian.AppendUint32(nil, uint32(bytes))...)
		body := append(append(chunk, head...), make([]byte, bytes-5)...)
		return append(append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(4+len(body)))...), append([]byte("WEBP"), body...)...)
	}
	for _, c := range []struct {
		w, h, bytes int
		refused     bool
	}{{4000, 3000, 4 << 20, false}, {4000, 3600, 4 << 20, true}, {4000, 3600, 100 << 10, false}, {5000, 4000, 100, true}} {
		_, err := Picture(file(c.w, c.h, c.bytes), image.Pt(64, 64))
		if refused := err != nil && strings.Contains(err.Error(), "too large"); refused != c.refused {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if h, err := webpHead(file(8, 8, 1<<20)); err != nil || h.tables != 4*53_000 {
		t.Errorf("four tiles have four groups at most: %v %v", h.tables, err)
	}
}
