package media

import (
	"bytes"
	"fmt"
	"image"
	"strings"

	"github.com/containerd/errdefs"
)

// kind is a format of picture files.
type kind struct {
	name   string
	magic  string // at the file's start; ? is any byte
	head   func(raw []byte) (head, error)
	decode func(raw []byte, h head) (image.Image, error)
	video  bool // YCbCr has the range of video, not that of JFIF
}

// kinds are decoded by the Go project's own packages: written in a language in which a hostile file cannot do worse than
// fail, and here already, where libvips or another C library would be one more thing to have in every image.
var kinds = []kind{
	{name: "PNG", magic: "\x89PNG\r\n\x1a\n", head: pngHead, decode: decodePNG},
	{name: "JPEG", magic: "\xff\xd8\xff", head: jpegHead, decode: decodeJPEG},
	{name: "WebP", magic: "RIFF????WEBP", head: webpHead, decode: decodeWebP, video: true},
	{name: "GIF", magic: "GIF8?a", head: gifHead, decode: decodeGIF},
	{name: "BMP", magic: "BM????\x00\x00\x00\x00", head: bmpHead, decode: decodeBMP},
}

// refused are formats that people send, and that are not read here.
var refused = []struct{ name, magic string }{
	{"TIFF", "II*\x00"}, {"TIFF", "MM\x00*"}, {"TIFF", "II+\x00"}, {"TIFF", "MM\x00+"}, {"HEIC", "????ftyphe"}, {"HEIC", "????ftypmif1"}, {"AVIF", "????ftypavi"}, {"JPEG XL", "\xff\x0a"},
	{"JPEG XL", "\x00\x00\x00\x0cJXL "}, {"JPEG 2000", "\x00\x00\x00\x0cjP  "}, {"SVG", "<svg"}, {"XML", "<?xml"}, {"HTML", "<!DOCTYPE"}, {"HTML", "<html"},
	{"PDF", "%PDF"}, {"Photoshop", "8BPS"}, {"Windows icon", "\x00\x00\x01\x00"}, {"MP4 or QuickTime", "????ftyp"}, {"WebM or Matroska", "\x1a\x45\xdf\xa3"},
}

const accepted = "send a PNG, JPEG, WebP, GIF or BMP file"

func kindOf(raw []byte) (kind, error) {
	for _, k := range kinds {
		if starts(raw, k.magic) {
			return k, nil
		}
	}
	for _, r := range refused {
		if starts(raw, r.magic) {
			return kind{}, fmt.Errorf("it is a %s file, which is not read here: %s: %w", r.name, accepted, errdefs.ErrInvalidArgument)
		}
	}
	if len(raw) == 0 {
		return kind{}, fmt.Errorf("the file is empty: %s: %w", accepted, errdefs.ErrInvalidArgument)
	}
	return kind{}, fmt.Errorf("its %d bytes are no picture that is known here: %s: %w", len(raw), accepted, errdefs.ErrInvalidArgument)
}

func starts(raw []byte, magic string) bool {
	if len(raw) < len(magic) {
		return false
	}
	if !strings.Contains(magic, "?") || strings.HasPrefix(magic, "<?") {
		return bytes.HasPrefix(raw, []byte(magic))
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != raw[i] {
			return false
		}
	}
	return true
}
