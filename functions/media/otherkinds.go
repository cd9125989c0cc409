package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// lossy is what a pixel of a lossy WebP takes: its samples, its transparency, and its share of what each block has of its own.
const lossy = 2.52

// webpHead walks the RIFF chunks, behind the pixels too, where only the orientation is of any use. Lossless pixels take four bytes,
// and once more while transforms are undone.
func webpHead(raw []byte) (h head, err error) {
	h.orientation, h.bytesPerPixel, h.blocks = 1, lossy, image.Pt(16, 16)
	for at := 12; at+8 <= len(raw); {
		name, n := string(raw[at:at+4]), int(binary.LittleEndian.Uint32(raw[at+4:]))
		body := raw[at+8:]
		body = body[:min(n, len(body))]
		switch {
		case name == "ANIM" || name == "ANMF":
			return h, errors.New("it is animated")
		case name == "VP8 " && n > len(body):
			return h, errors.New("it is cut off") // and decoding would allocate all that is claimed
		case name == "VP8L":
			h.bytesPerPixel = max(h.bytesPerPixel, 9)
		case name == "ALPH" && len(body) > 0 && body[0]&3 != 0:
			h.bytesPerPixel = 12 // lossless pixels, of which the green ones are copied, and the picture's own
		case name == "EXIF":
			h.orientation = exifOrientation(body)
		}
		at += 8 + n + n&1
	}
	c, err := webp.DecodeConfig(bytes.NewReader(raw))
	h.width, h.height = c.Width, c.Height
	if h.bytesPerPixel > lossy {
		h.tables = losslessTables(c.Width, c.Height, len(raw))
	}
	return h, err
}

// losslessTables is the most that the Huffman trees of a lossless WebP may take in x/image's decoder: 2,600 groups of five
// trees, no more than there are tiles of 4×4 pixels. A whole group is 53 KB and cannot be written in less than 190 bytes:
// 3,096 symbols, six of the same length in three bits.
func losslessTables(width, height, bytes int) float64 {
	tiles := ((width + 3) / 4) * ((height + 3) / 4)
	return 53_000 * float64(min(2600, tiles, bytes/190+1))
}

func decodeWebP(raw []byte, _ head) (image.Image, error) { return webp.Decode(bytes.NewReader(raw)) }

func bmpHead(raw []byte) (head, error) {
	c, err := bmp.DecodeConfig(bytes.NewReader(raw))
	h := head{width: c.Width, height: c.Height, bytesPerPixel: 4, orientation: 1}
	if _, ok := c.ColorModel.(color.Palette); ok {
		h.bytesPerPixel = 1
	}
	return h, err
}

func decodeBMP(raw []byte, _ head) (image.Image, error) { return bmp.Decode(bytes.NewReader(raw)) }

// gifHead counts the first frame's pixels, once more where its lines come in another order, and its canvas.
func gifHead(raw []byte) (head, error) {
	c, err := gif.DecodeConfig(bytes.NewReader(raw))
	return head{width: c.Width, height: c.Height, bytesPerPixel: 3, orientation: 1}, err
}

// decodeGIF gives the first frame on its canvas. The flag of transparency is taken out first: the decoder would lose the
// colour that lies under it.
func decodeGIF(raw []byte, h head) (image.Image, error) {
	background := 0
	if raw[10]&0x80 != 0 {
		background = int(raw[11])
	}
	img, err := gif.Decode(bytes.NewReader(opaqueGIF(raw)))
	if err != nil {
		return nil, err
	}
	frame, ok := img.(*image.Paletted)
	if !ok {
		return nil, fmt.Errorf("it is a %T", img)
	}
	canvas := image.Rect(0, 0, h.width, h.height)
	if frame.Rect == canvas {
		return frame, nil
	}
	whole := image.NewPaletted(canvas, frame.Palette)
	if background < len(frame.Palette) {
		for i := range whole.Pix {
			whole.Pix[i] = byte(background)
		}
	}
	for y := frame.Rect.Min.Y; y < frame.Rect.Max.Y; y++ {
		copy(whole.Pix[whole.PixOffset(frame.Rect.Min.X, y):], frame.Pix[frame.PixOffset(frame.Rect.Min.X, y):][:frame.Rect.Dx()])
	}
	return whole, nil
}

// opaqueGIF walks the blocks before the first frame and clears the transparency flag of graphic controls.
func opaqueGIF(raw []byte) []byte {
	out := bytes.Clone(raw)
	at := 13
	if raw[10]&0x80 != 0 {
		at += 3 << (raw[10]&7 + 1)
	}
	for at+4 < len(out) && out[at] == 0x21 {
		if out[at+1] == 0xf9 {
			out[at+3] &^= 1
		}
		for at += 2; at < len(out) && out[at] != 0; {
			at += 1 + int(out[at])
		}
		at++
	}
	return out
}
