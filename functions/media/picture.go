package media

import (
	"fmt"
	"image"

	"github.com/containerd/errdefs"
)

// decodedBytes bounds what opening a picture may take in memory: a few bytes of a file can claim gigabytes. It leaves a
// 48-megapixel photo in, and with what the request and the copy in RGB take it stays below 256 MB.
const decodedBytes = 160 << 20

// openedBytes bounds pixels and tables together.
const openedBytes = 240 << 20

// longest bounds a side: lines are kept whole in several forms.
const longest = 1 << 16

// Picture opens a picture file (PNG, JPEG, WebP, GIF or BMP; of a moving GIF or PNG the first frame, a moving WebP is refused) as Pillow's
// exif_transpose and convert("RGB") would: upright, 8 bits, colours as they are where something is transparent. need is the
// size that it will be scaled to, in pixels: a picture that has more than three times as many along both sides is reduced
// by a whole number while it is read. The error is errdefs.ErrInvalidArgument and one sentence.
func Picture(raw []byte, need image.Point) (RGB, error) {
	k, err := kindOf(raw)
	if err != nil {
		return RGB{}, err
	}
	h, err := k.head(raw)
	if err == nil && (h.width < 1 || h.height < 1) {
		err = fmt.Errorf("it has %d×%d pixels", h.width, h.height)
	}
	if err != nil {
		return RGB{}, damaged(k, err)
	}
	if h.width > longest || h.height > longest {
		return RGB{}, fmt.Errorf("a %s picture of %d×%d pixels is too long, %d along a side at most: cut it before sending it: %w", k.name, h.width, h.height, longest, errdefs.ErrInvalidArgument)
	}
	if cost := h.bytesPerPixel * float64(h.width) * float64(h.height); cost > decodedBytes || cost+h.tables > openedBytes {
		return RGB{}, tooLarge(k, h, cost+h.tables)
	}
	img, err := k.decode(raw, h)
	if err != nil {
		return RGB{}, damaged(k, err)
	}
	if size := img.Bounds().Size(); size != image.Pt(h.width, h.height) {
		return RGB{}, damaged(k, fmt.Errorf("its head says %d×%d pixels, it has %d×%d", h.width, h.height, size.X, size.Y))
	}
	return reduce(rowsOf(img, k.video), h.orientation, need), nil
}

// head is what a file's first bytes say.
type head struct {
	width, height int
	bytesPerPixel float64 // that decoding allocates
	tables        float64 // bytes that it may allocate besides, whatever the size
	orientation   int     // EXIF's, 1 to 8
}

func damaged(k kind, err error) error {
	return fmt.Errorf("the %s picture cannot be opened (%w): send it as a plain PNG or JPEG: %w", k.name, err, errdefs.ErrInvalidArgument)
}

func tooLarge(k kind, h head, cost float64) error {
	return fmt.Errorf("a %s picture of %d×%d pixels is too large, opening it may take %.0f MB, too much: scale it down before sending it: %w",
		k.name, h.width, h.height, cost/(1<<20), errdefs.ErrInvalidArgument)
}
