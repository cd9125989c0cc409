package media

import (
	"fmt"
	"image"
	"math"

	"github.com/containerd/errdefs"
)

// fitting is something of a size in pixels that takes memory to read.
type fitting struct {
	what  string // "a PNG picture"
	verb  string // "open"
	size  image.Point
	step  int                       // sides that are offered are multiples of it
	bytes func(scale float64) int64 // that it takes with so many times the pixels along both sides
	never func(scale float64) bool  // that it is too large whatever room there is; nil: it never is
}

// in refuses what takes more than room, in bytes, and says which size would fit: with some to spare, since an instance that has just
// started still takes a little more.
func (f fitting) in(room int64) error {
	tooLarge := f.never != nil && f.never(1)
	if !tooLarge && f.bytes(1) <= room {
		return nil
	}
	why := fmt.Sprintf("may take %.0f MiB of memory to %s, this instance has %.0f MiB left", mebi(f.bytes(1)), f.verb, math.Floor(mebi(max(room, 0))))
	if tooLarge {
		why = fmt.Sprintf("is too large, it may take %.0f MiB of memory to %s", mebi(f.bytes(1)), f.verb)
	}
	would, more := "scale it down", "raise limits.memory"
	w, h, ok := f.smaller(room)
	if ok {
		would = fmt.Sprintf("scale it to %d×%d or less", w, h)
	}
	switch {
	case ok && !tooLarge:
		would += ", or " + more
	case !ok && tooLarge:
		would += ", and " + more
	case !ok:
		would = more
	}
	return fmt.Errorf("%s of %d×%d pixels %s: %s: %w", f.what, f.size.X, f.size.Y, why, would, errdefs.ErrInvalidArgument)
}

// smaller is the largest size of the same proportions that fits. Nobody sends one with sides below 16.
func (f fitting) smaller(room int64) (w, h int, ok bool) {
	const parts, least, spare = 256, 16, 16 << 20
	for n := parts - 1; n > 0; n-- {
		scale := float64(n) / parts
		if f.bytes(scale) > room-min(room/4, spare) || f.never != nil && f.never(scale) {
			continue
		}
		w, h = f.size.X*n/parts/f.step*f.step, f.size.Y*n/parts/f.step*f.step
		return w, h, w >= min(least, f.size.X) && h >= min(least, f.size.Y)
	}
	return 0, 0, false
}

// Fits refuses a picture that takes more memory to open than room, in bytes, or than any may.
func (u Unopened) Fits(room int64) error {
	h := u.head
	return fitting{
		what: "a " + u.kind.name + " picture", verb: "open", size: image.Pt(h.width, h.height), step: 1, bytes: u.bytes,
		never: func(scale float64) bool {
			return h.decoded(scale) > decodedBytes || h.decoded(scale)+h.tables > openedBytes
		},
	}.in(room)
}

// Fits refuses a clip that takes more memory to read than room, in bytes. What it offers has square pixels, as scaling makes them.
func (c Clip) Fits(room int64) error {
	return fitting{what: "a clip", verb: "read", size: image.Pt(c.Width, c.Height), step: 2, bytes: func(scale float64) int64 {
		if scale == 1 {
			return c.DecoderMemory()
		}
		o := c
		o.Width, o.Height = int(float64(c.Width)*scale), int(float64(c.Height)*scale)
		o.picture.Width, o.picture.Height = o.Width, o.Height
		return o.DecoderMemory()
	}}.in(room)
}
