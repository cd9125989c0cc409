package media

import (
	"fmt"
	"image"
	"math"
	"runtime"

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
	u, err := Look(raw, need)
	if err == nil {
		err = u.Fits(math.MaxInt64)
	}
	if err != nil {
		return RGB{}, err
	}
	return u.Open()
}

// Unopened is a picture file of which the head alone has been read.
type Unopened struct {
	kind kind
	head head
	raw  []byte
	need image.Point
}

// Look reads a picture's head. Its errors are those of Picture that need no more than that, but for pictures that are too large, which
// Fits refuses.
func Look(raw []byte, need image.Point) (Unopened, error) {
	k, err := kindOf(raw)
	if err != nil {
		return Unopened{}, err
	}
	h, err := k.head(raw)
	if err == nil && (h.width < 1 || h.height < 1) {
		err = fmt.Errorf("it has %d×%d pixels", h.width, h.height)
	}
	u := Unopened{kind: k, head: h, raw: raw, need: need}
	switch {
	case err != nil:
		return u, damaged(k, err)
	case h.width > longest || h.height > longest:
		return u, fmt.Errorf("a %s picture of %d×%d pixels is too long, %d along a side at most: cut it before sending it: %w", k.name, h.width, h.height, longest, errdefs.ErrInvalidArgument)
	}
	return u, nil
}

// Bytes is what opening the picture takes of memory at most, beside its file: what the decoder allocates, as if nothing of it were
// collected before its end, and the copy in RGB.
func (u Unopened) Bytes() int64 { return u.bytes(1) }

// bytes is that of the same picture with so many times the pixels along both sides.
func (u Unopened) bytes(scale float64) int64 {
	h := u.head
	w, hgt := max(int(float64(h.width)*scale), 1), max(int(float64(h.height)*scale), 1)
	o := orient{w, hgt, h.orientation}
	f := o.factor(u.need)
	kept, lines := 3*((w+f-1)/f)*((hgt+f-1)/f), runtime.GOMAXPROCS(0)*(3*w+8*3*((w+f-1)/f))
	return int64(h.decoded(scale)+(h.tables+float64(len(u.raw)))*scale*scale) + int64(kept+lines) + decoders
}

// decoders is what any of them takes for its own state, and Go's runtime for a larger heap, in bytes.
const decoders = 1 << 20

// Open decodes the picture, of which Fits has nothing to say.
func (u Unopened) Open() (RGB, error) {
	k, h := u.kind, u.head
	img, err := k.decode(u.raw, h)
	if err != nil {
		return RGB{}, damaged(k, err)
	}
	if size := img.Bounds().Size(); size != image.Pt(h.width, h.height) {
		return RGB{}, damaged(k, fmt.Errorf("its head says %d×%d pixels, it has %d×%d", h.width, h.height, size.X, size.Y))
	}
	return reduce(rowsOf(img, k.video), h.orientation, u.need), nil
}

// head is what a file's first bytes say.
type head struct {
	width, height int
	bytesPerPixel float64     // that decoding allocates
	blocks        image.Point // that the pixels are rounded up to; zero: to none
	tables        float64     // bytes that it may allocate besides, whatever the size
	orientation   int         // EXIF's, 1 to 8
}

// decoded is what decoding allocates for the pixels of the picture with so many times as many along both sides, in bytes.
func (h head) decoded(scale float64) float64 {
	along := func(n, block int) float64 {
		return math.Ceil(float64(n)*scale/float64(max(block, 1))) * float64(max(block, 1))
	}
	return h.bytesPerPixel * along(h.width, h.blocks.X) * along(h.height, h.blocks.Y)
}

func damaged(k kind, err error) error {
	return fmt.Errorf("the %s picture cannot be opened (%w): send it as a plain PNG or JPEG: %w", k.name, err, errdefs.ErrInvalidArgument)
}

func mebi(bytes int64) float64 { return float64(bytes) / (1 << 20) }
