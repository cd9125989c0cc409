package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
)

// pngHead walks the chunks. The size is the first chunk's, whatever is claimed further on: decoding allocates what it says.
func pngHead(raw []byte) (h head, err error) {
	h.orientation = 1
	var depth, colour, interlaced byte
	pngChunks(raw, func(at int, name string, b []byte) {
		switch {
		case name == "IHDR" && len(b) == 13 && at == 8:
			h.width, h.height = int(binary.BigEndian.Uint32(b)), int(binary.BigEndian.Uint32(b[4:]))
			depth, colour, interlaced = b[8], b[9], b[12]
		case name == "eXIf":
			h.orientation = exifOrientation(b)
		}
	})
	if depth == 0 {
		return h, errors.New("it has no header")
	}
	h.bytesPerPixel = pngBytes(colour, depth)
	if interlaced != 0 {
		h.bytesPerPixel *= 2 // each pass is a picture of its own first
	}
	return h, nil
}

// pngBytes is what a pixel takes once it is decoded.
func pngBytes(colour, depth byte) float64 {
	const palette = 3
	n := 4.0
	if colour == gray || colour == palette {
		n = 1
	}
	if depth == 16 {
		n *= 2
	}
	return n
}

// pngChunks shows the chunks up to the last, IEND: what follows it is no part of the picture.
func pngChunks(raw []byte, see func(at int, name string, b []byte)) {
	for at := 8; at+12 <= len(raw); {
		n := int(binary.BigEndian.Uint32(raw[at:]))
		if n > len(raw)-at-12 {
			if n = len(raw) - at - 12; string(raw[at+4:at+8]) != "IDAT" {
				return // cut off; decoding says so
			}
		}
		name := string(raw[at+4 : at+8])
		if name == "IEND" {
			return
		}
		see(at, name, raw[at+8:at+8+n])
		at += 12 + n
	}
}

// decodePNG reads gray pictures without the gray that they call transparent: it is a colour like any other here.
func decodePNG(raw []byte, _ head) (image.Image, error) {
	if len(raw) > colourAt && raw[colourAt] == gray {
		raw = withoutTransparency(raw)
	}
	return png.Decode(bytes.NewReader(raw))
}

// The colour type of gray, and where the header has it.
const (
	gray     = 0
	colourAt = 25
)

// withoutTransparency leaves out every tRNS: one that stays makes decoding allocate four bytes for a pixel of gray.
func withoutTransparency(raw []byte) []byte {
	var out []byte
	kept := 0
	pngChunks(raw, func(at int, name string, b []byte) {
		if name == "tRNS" {
			out = append(out, raw[kept:at]...)
			kept = at + 12 + len(b)
		}
	})
	if kept == 0 {
		return raw
	}
	return append(out, raw[kept:]...)
}
