package media

import (
	"fmt"
	"image"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/filekind"
)

// kind is a format of picture files.
type kind struct {
	name   string // as filekind has it
	head   func(raw []byte) (head, error)
	decode func(raw []byte, h head) (image.Image, error)
	video  bool // YCbCr has the range of video, not that of JFIF
}

// kinds are decoded by the Go project's own packages: written in a language in which a hostile file cannot do worse than
// fail, and here already, where libvips or another C library would be one more thing to have in every image.
var kinds = []kind{
	{name: "PNG", head: pngHead, decode: decodePNG},
	{name: "JPEG", head: jpegHead, decode: decodeJPEG},
	{name: "WebP", head: webpHead, decode: decodeWebP, video: true},
	{name: "GIF", head: gifHead, decode: decodeGIF},
	{name: "BMP", head: bmpHead, decode: decodeBMP},
}

const accepted = "send a PNG, JPEG, WebP, GIF or BMP file"

func kindOf(raw []byte) (kind, error) {
	file, known := filekind.Of(raw)
	for _, k := range kinds {
		if k.name == file.Name {
			return k, nil
		}
	}
	switch {
	case known:
		return kind{}, fmt.Errorf("it is %s, which is not read here: %s: %w", file.File(), accepted, errdefs.ErrInvalidArgument)
	case len(raw) == 0:
		return kind{}, fmt.Errorf("the file is empty: %s: %w", accepted, errdefs.ErrInvalidArgument)
	}
	return kind{}, fmt.Errorf("its %d bytes are no picture that is known here: %s: %w", len(raw), accepted, errdefs.ErrInvalidArgument)
}
