package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// grown is how much memory above idle a picture may cost, in kB.
const grown = 256 << 10

func init() {
	for _, a := range []struct {
		name string
		file func() []byte
	}{
		{"67 megapixels of gray in 81 kB", func() []byte { return flat(image.NewGray(image.Rect(0, 0, 8190, 8190))) }},
		{"41 megapixels of one colour", func() []byte {
			return flat(image.NewPaletted(image.Rect(0, 0, 6400, 6400), color.Palette{color.Black}))
		}},
		{"a PNG that claims 900 megapixels", func() []byte { return claim(30000, 30000, 8, 2, 0, nil) }},
		{"a PNG of 16 bits and four channels that claims 64 megapixels", func() []byte { return claim(8000, 8000, 16, 6, 0, nil) }},
		{"an interlaced PNG that claims 36 megapixels", func() []byte { return claim(6000, 6000, 8, 6, 1, nil) }},
		{"a PNG that claims 2^31 pixels a line", func() []byte { return claim(1<<31-1, 1, 8, 0, 0, nil) }},
		{"a PNG of one line of 16 million pixels", func() []byte { return claim(1<<24, 1, 8, 0, 0, make([]byte, 1<<24+1)) }},
		{"a PNG whose pixels go on for 500 MB after the last line", func() []byte { return claim(16, 16, 8, 0, 0, make([]byte, 500<<20)) }},
		{"a PNG that claims 400 megapixels, and one behind its end", func() []byte {
			return append(claim(20000, 20000, 8, 0, 0, make([]byte, 20001*20000)), claim(1, 1, 8, 0, 0, nil)[8:]...)
		}},
		{"a WebP of 64 megapixels of compressed transparency", func() []byte {
			return []byte("RIFF\x22\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\x3f\x1f\x00\x3f\x1f\x00ALPH\x0a\x00\x00\x00\x01\x88\x88\x08\x00\x00\x00\x00\x00\x00")
		}},
		{"a PNG whose profile inflates to 200 MB", func() []byte {
			return append(claim(16, 16, 8, 0, 0, make([]byte, 16*17))[:33], append(chunk("iCCP", append([]byte("x\x00\x00"), deflated(make([]byte, 200<<20))...)), claim(16, 16, 8, 0, 0, make([]byte, 16*17))[33:]...)...)
		}},
		{"a photo of 48 megapixels", func() []byte { return photo(8000, 6000) }},
		{"a photo that claims 65535 × 65535", func() []byte { return claimedJPEG(photo(64, 64), 65535, 65535) }},
		{"a JPEG of 5,000 empty scans", func() []byte { return scans(5000) }},
		{"a JPEG whose EXIF leads out of it", func() []byte {
			return bytes.Replace(photo(64, 64), []byte("\xff\xd8"), []byte("\xff\xd8\xff\xe1\x00\x16Exif\x00\x00II*\x00\xf0\xff\xff\xff\xff\xff\xff\xff"), 1)
		}},
		{"a GIF that claims 65535 × 65535", func() []byte {
			return []byte("GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02D\x01\x00;")
		}},
		{"a WebP that claims 16384 × 16384", func() []byte {
			return []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\xff\xff\xff\x0f\x00\x00\x00\x00\x00\x00\x00\x00\x00")
		}},
		{"a BMP that claims 40000 × 40000", func() []byte { return bmpClaim(40000, 40000) }},
	} {
		add("pictures", a.name, func(ctx context.Context, s *scene) error { return s.show(ctx, "image", a.file()) })
	}
	for name, file := range map[string]string{
		"a playlist that names a file of the machine": "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
		"a list of files to put together":             "ffconcat version 1.0\nfile '/etc/passwd'\n",
		"a playlist dressed as MP4":                   "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42#EXTM3U\nfile:///etc/passwd\n",
		"a Matroska file of rubbish":                  "\x1a\x45\xdf\xa3" + strings.Repeat("\xff\x00\x42", 3000),
		"an MP4 whose boxes hold each other":          "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42" + strings.Repeat("\x00\x00\x10\x00moov\x00\x00\x0f\x00trak", 500),
		"a picture that says it is a clip":            "\x00\x00\x00\x18ftypavif\x00\x00\x00\x00",
	} {
		add("pictures", name, func(ctx context.Context, s *scene) error { return s.show(ctx, "video", []byte(file)) })
	}
}

// show sends a file to a viewer, and sees to it that the same process answers a small picture after it, without having grown
// by more than is allowed.
func (s *scene) show(ctx context.Context, field string, file []byte) error {
	if s.driver != "process" {
		return elsewhere("the viewer runs as a process")
	}
	viewer := filepath.Join(s.dir, "viewer")
	if err := harness.Compile(ctx, viewer, "bench/hostile/viewer"); err != nil {
		return err
	}
	manifest := map[string]any{"name": "viewer", "command": []string{viewer}, "concurrency": 1, "snapshot": "off", "timeout": "1m", "url": map[string]any{"invokeMode": "BUFFERED"}}
	if err := s.put(ctx, manifest); err != nil {
		return err
	}
	before, err := s.view(ctx, "image", photo(64, 64))
	if err != nil {
		return fmt.Errorf("before: %w", err)
	}
	if before["status"] != "200" {
		return fmt.Errorf("an ordinary picture is refused: %s", before["body"])
	}
	if err := os.WriteFile("/proc/"+before["Process"]+"/clear_refs", []byte("5"), 0); err != nil { // the peak counts from here
		return err
	}
	got, err := s.view(ctx, field, file)
	if err != nil {
		return err
	}
	if got["status"] != "200" && got["status"] != "422" && got["status"] != "413" {
		return fmt.Errorf("answered with %s: %.300s", got["status"], got["body"])
	}
	after, err := s.view(ctx, "image", photo(64, 64))
	if err != nil {
		return err
	}
	if after["Process"] != before["Process"] {
		return fmt.Errorf("the instance has died of it: process %s was %s", after["Process"], before["Process"])
	}
	if n := kB(after["VmHWM"]) - kB(before["VmRSS"]); n > grown {
		return fmt.Errorf("the instance grew by %d MB, %d at most", n>>10, grown>>10)
	}
	return nil
}

// view gives the status of an answer, and what the viewer says of its process.
func (s *scene) view(ctx context.Context, field string, file []byte) (map[string]string, error) {
	body, err := json.Marshal(map[string]any{"prompt": "x", field: base64.StdEncoding.EncodeToString(file)})
	if err != nil {
		return nil, err
	}
	resp, err := s.send(ctx, page{method: http.MethodPost, path: "/fn/viewer/", body: string(body)})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	said := map[string]string{"status": strconv.Itoa(resp.StatusCode), "body": string(raw)}
	var res struct{ Pieces []struct{ Data []byte } }
	if json.Unmarshal(raw, &res) == nil && len(res.Pieces) > 0 {
		for line := range strings.Lines(string(res.Pieces[0].Data)) {
			name, value, _ := strings.Cut(line, ":")
			said[name] = strings.TrimSpace(value)
		}
	}
	return said, nil
}

func kB(text string) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(text, " kB"))
	return n
}

func flat(img image.Image) []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, img) // into memory
	return b.Bytes()
}

func photo(w, h int) []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420), &jpeg.Options{Quality: 50}) // into memory
	return b.Bytes()
}

func deflated(raw []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write(raw)
	_ = z.Close()
	return b.Bytes()
}

func chunk(name string, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, name...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// claim is a PNG of a form, with pixels that need not be as many as it says.
func claim(w, h uint32, depth, colour, interlaced byte, pixels []byte) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	b := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(head, depth, colour, 0, 0, interlaced))...)
	return append(append(b, chunk("IDAT", deflated(pixels))...), chunk("IEND", nil)...)
}

// claimedJPEG changes the size in a JPEG's frame.
func claimedJPEG(raw []byte, w, h uint16) []byte {
	at := bytes.Index(raw, []byte("\xff\xc0"))
	binary.BigEndian.PutUint16(raw[at+5:], h)
	binary.BigEndian.PutUint16(raw[at+7:], w)
	return raw
}

// scans is a progressive JPEG of 4 megapixels whose scans hold nothing.
func scans(n int) []byte {
	return []byte("\xff\xd8\xff\xc2\x00\x0b\x08\x08\x00\x08\x00\x01\x01\x11\x00" + strings.Repeat("\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00", n) + "\xff\xd9")
}

func bmpClaim(w, h uint32) []byte {
	b := make([]byte, 54)
	copy(b, "BM")
	binary.LittleEndian.PutUint32(b[10:], 54)
	binary.LittleEndian.PutUint32(b[14:], 40)
	binary.LittleEndian.PutUint32(b[18:], w)
	binary.LittleEndian.PutUint32(b[22:], h)
	binary.LittleEndian.PutUint16(b[26:], 1)
	binary.LittleEndian.PutUint16(b[28:], 24)
	return b
}
