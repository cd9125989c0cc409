package media

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"golang.org/x/image/bmp"
)

// folderEnv names the pictures that a child of the test opens, one after the other.
const folderEnv = "MEDIA_TEST_PICTURES"

// opened is what a picture was counted, and took.
type opened struct{ counted, took int64 }

// openedApart opens pictures in a process of its own.
func openedApart(t *testing.T, files map[string][]byte) map[string]opened {
	t.Helper()
	dir := t.TempDir()
	for name, raw := range files {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestOpenForMemory$", "-test.v")
	cmd.Env = append(os.Environ(), folderEnv+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	all := map[string]opened{}
	for _, m := range regexp.MustCompile(`(?m)^OPENED "(.+)" ([0-9]+) ([0-9]+)$`).FindAllStringSubmatch(string(out), -1) {
		counted, _ := strconv.ParseInt(m[2], 10, 64)
		took, _ := strconv.ParseInt(m[3], 10, 64)
		all[m[1]] = opened{counted, took}
	}
	if len(all) != len(files) {
		t.Fatalf("%d of %d were opened: %s", len(all), len(files), out)
	}
	return all
}

// TestOpenForMemory is the child's part.
func TestOpenForMemory(t *testing.T) {
	dir := os.Getenv(folderEnv)
	if dir == "" {
		return
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		u, err := Look(raw, image.Pt(1920, 1080))
		if err != nil {
			t.Fatal(f.Name(), err)
		}
		debug.FreeOSMemory()
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
			t.Fatal(err)
		}
		idle := status(t, "VmRSS:")
		img, err := u.Open()
		if err != nil {
			t.Fatal(f.Name(), err)
		}
		took := status(t, "VmHWM:") - idle
		Resize(img, 64, 64, Lanczos)
		fmt.Printf("OPENED %q %d %d\n", f.Name(), u.Bytes(), int64(took)<<10)
	}
}

// ofTest is a file of testdata/pictures.
func ofTest(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/pictures/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// blown is a JPEG file of the same form with w × h pixels, of which all bits are 0.
func blown(raw []byte, w, h int) []byte {
	out := bytes.Clone(raw)
	for at := 2; ; {
		m, n := out[at+1], int(out[at+2])<<8|int(out[at+3])
		if m == 0xda {
			out = out[:at+2+n]
			break
		}
		if m >= 0xc0 && m <= 0xc2 {
			binary.BigEndian.PutUint16(out[at+5:], uint16(h))
			binary.BigEndian.PutUint16(out[at+7:], uint16(w))
		}
		at += 2 + n
	}
	return append(append(out, make([]byte, 4*(w+64)*(h+64))...), 0xff, 0xd9)
}

// passes is an interlaced PNG of w × h pixels, black.
func passes(w, h int, depth, colour byte, samples int) []byte {
	var rows bytes.Buffer
	z := zlib.NewWriter(&rows)
	for _, p := range [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		pw, ph := (w-p[0]+p[2]-1)/p[2], (h-p[1]+p[3]-1)/p[3]
		if pw > 0 && ph > 0 {
			z.Write(make([]byte, ph*(1+(pw*samples*int(depth)+7)/8)))
		}
	}
	z.Close()
	chunk := func(name string, b []byte) []byte {
		all := append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), append([]byte(name), b...)...)
		return binary.BigEndian.AppendUint32(all, crc32.ChecksumIEEE(all[4:]))
	}
	head := append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h)), depth, colour, 0, 0, 1)
	return bytes.Join([][]byte{[]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", head), chunk("IDAT", rows.Bytes()), chunk("IEND", nil)}, nil)
}

// asWebP is a picture as ffmpeg encodes it.
func asWebP(t *testing.T, size string, how ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.webp")
	args := append([]string{"-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=" + size, "-frames:v", "1", "-c:v", "libwebp"}, append(how, path)...)
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestAPictureTakesWhatItIsCounted: of every form, none takes more than was counted from its head, and the count is not far above.
func TestAPictureTakesWhatItIsCounted(t *testing.T) {
	encoded := func(encode func(b *bytes.Buffer) error) []byte {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	asPNG := func(img image.Image) []byte {
		return encoded(func(b *bytes.Buffer) error { return png.Encode(b, img) })
	}
	size := image.Rect(0, 0, 1600, 1100)
	colours := make(color.Palette, 256)
	for i := range colours {
		colours[i] = color.RGBA{byte(i), byte(255 - i), 7, 255}
	}
	files := map[string][]byte{
		"16 bits.png": asPNG(image.NewNRGBA64(size)), "gray 16.png": asPNG(image.NewGray16(size)), "gray.png": asPNG(image.NewGray(size)), "alpha.png": asPNG(image.NewNRGBA(size)),
		"palette.png": asPNG(image.NewPaletted(size, colours)), "one line.png": asPNG(image.NewNRGBA64(image.Rect(0, 0, 16000, 1))), "one column.png": asPNG(image.NewNRGBA64(image.Rect(0, 0, 1, 16000))),
		"interlaced.png": passes(1600, 1100, 8, 2, 3), "interlaced 16.png": passes(1601, 1103, 16, 6, 4), "interlaced gray.png": passes(1600, 1100, 8, 0, 1),
		"420.jpg": blown(ofTest(t, "420.jpg"), 1600, 1100), "444.jpg": blown(ofTest(t, "444.jpg"), 1600, 1100), "422.jpg": blown(ofTest(t, "422.jpg"), 1601, 1103), "gray.jpg": blown(ofTest(t, "gray.jpg"), 1600, 1100),
		"420 progressive.jpg": blown(ofTest(t, "420-progressive.jpg"), 1600, 1100), "444 progressive.jpg": blown(ofTest(t, "444-progressive.jpg"), 1600, 1100), "one line.jpg": blown(ofTest(t, "420.jpg"), 16000, 1),
		"cmyk.jpg": blown(ofTest(t, "cmyk.jpg"), 1200, 800), "cmyk without a word.jpg": blown(ofTest(t, "cmyk-noadobe.jpg"), 1200, 800),
		"lossy.webp": asWebP(t, "1600x1100", "-lossless", "0"), "lossless.webp": asWebP(t, "1600x1100", "-lossless", "1", "-pix_fmt", "bgra"), "alpha.webp": asWebP(t, "1600x1100", "-lossless", "0", "-vf", "format=rgba,colorchannelmixer=aa=0.5", "-pix_fmt", "yuva420p"),
		"a.gif":   encoded(func(b *bytes.Buffer) error { return gif.Encode(b, image.NewPaletted(size, colours), nil) }),
		"a.bmp":   encoded(func(b *bytes.Buffer) error { return bmp.Encode(b, image.NewRGBA(size)) }),
		"256.bmp": encoded(func(b *bytes.Buffer) error { return bmp.Encode(b, image.NewPaletted(size, colours)) }),
	}
	for name, c := range openedApart(t, files) {
		t.Logf("%s: counted %d kB, took %d", name, c.counted>>10, c.took>>10)
		if c.took > c.counted || c.counted > 2*c.took+8<<20 {
			t.Errorf("%s: counted %d kB, took %d", name, c.counted>>10, c.took>>10)
		}
	}
}

// TestWhatIsToldToFitFits: a picture that takes more than there is is refused unopened, and as large as it is told it would be opened.
func TestWhatIsToldToFitFits(t *testing.T) {
	would := regexp.MustCompile(`scale it to ([0-9]+)×([0-9]+) or less`)
	told := 0
	for _, form := range []func(w, h int) []byte{
		func(w, h int) []byte { return claim(uint32(w), uint32(h), 16, 6) }, func(w, h int) []byte { return claim(uint32(w), uint32(h), 8, 0) },
		func(w, h int) []byte { return blown(ofTest(t, "444-progressive.jpg"), w, h)[:700] }, func(w, h int) []byte { return blown(ofTest(t, "cmyk.jpg"), w, h)[:700] },
	} {
		for _, size := range []image.Point{{4000, 4000}, {3000, 1000}, {16000, 1}, {1, 16000}, {17, 5000}} {
			for room := int64(1 << 18); room < 256<<20; room *= 3 {
				u, err := Look(form(size.X, size.Y), image.Pt(128, 128))
				if err != nil {
					t.Fatal(err)
				}
				err = u.Fits(room)
				if tooLarge := err != nil && strings.Contains(err.Error(), "is too large, "); !tooLarge && (err == nil) != (u.Bytes() <= room) {
					t.Fatalf("%v takes %d of %d: %v", size, u.Bytes(), room, err)
				}
				if err == nil {
					continue
				}
				if !errdefs.IsInvalidArgument(err) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "raise limits.memory") && !strings.Contains(err.Error(), "is too large, it may take ") {
					t.Fatal(err)
				}
				m := would.FindStringSubmatch(err.Error())
				if m == nil {
					continue
				}
				told++
				w, _ := strconv.Atoi(m[1])
				h, _ := strconv.Atoi(m[2])
				if u, err = Look(form(w, h), image.Pt(128, 128)); err != nil || u.Fits(room) != nil {
					t.Errorf("%v in %d: %d × %d: %v %v", size, room, w, h, err, u.Fits(room))
				}
			}
		}
	}
	if told < 20 {
		t.Errorf("%d were told what would fit", told)
	}
}
