package media

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
)

// maxScans bounds a progressive picture's passes: each of a thousand empty ones costs as much as decoding does.
const maxScans = 100

// jpegFacts is what the segments of a JPEG file say.
type jpegFacts struct {
	head
	components, scans  int
	progressive, adobe bool
	planesToRGB        bool    // three components are RGB
	share              float64 // samples for each pixel
}

func jpegHead(raw []byte) (head, error) {
	f, err := jpegSegments(raw)
	if err != nil {
		return head{}, err
	}
	f.bytesPerPixel = f.share
	if f.progressive {
		f.bytesPerPixel += 4 * f.share // coefficients
	}
	if f.components == 4 || f.planesToRGB {
		f.bytesPerPixel += 4 // turned into CMYK, or from planes into RGB
	}
	return f.head, nil
}

// jpegSegments walks a file's markers.
func jpegSegments(raw []byte) (f jpegFacts, err error) {
	f.orientation = 1
	for at := 2; at+4 <= len(raw); {
		if raw[at] != 0xff {
			at++ // entropy-coded data, or rubbish that decoders skip
			continue
		}
		m := raw[at+1]
		if m == 0xff {
			at++
			continue
		}
		if m == 0 || m == 1 || m >= 0xd0 && m <= 0xd8 {
			at += 2 // a stuffed byte, a restart
			continue
		}
		if m == 0xd9 {
			break
		}
		n := int(raw[at+2])<<8 | int(raw[at+3])
		if n < 2 || at+2+n > len(raw) {
			break // decoding says what is missing
		}
		if err := f.segment(m, raw[at+4:at+2+n]); err != nil {
			return f, err
		}
		at += 2 + n
	}
	if f.components == 0 {
		return f, errors.New("it has no frame")
	}
	if f.scans > maxScans {
		return f, fmt.Errorf("it has %d scans, %d at most are read", f.scans, maxScans)
	}
	return f, nil
}

func (f *jpegFacts) segment(marker byte, b []byte) error {
	switch {
	case marker == 0xe1 && bytes.HasPrefix(b, []byte("Exif\x00\x00")):
		f.orientation = exifOrientation(b[6:])
	case marker == 0xee && bytes.HasPrefix(b, []byte("Adobe")):
		f.adobe = true
		f.planesToRGB = f.planesToRGB || len(b) > 11 && b[11] == 0
	case marker == 0xda:
		f.scans++
	case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
		return f.frame(marker, b)
	}
	return nil
}

// frame reads a start of frame.
func (f *jpegFacts) frame(marker byte, b []byte) error {
	if marker > 0xc2 {
		return errors.New("it is coded in a way of JPEG that hardly anything reads")
	}
	if len(b) < 6 || len(b) < 6+3*int(b[5]) || f.components != 0 {
		return errors.New("its frame is malformed")
	}
	f.progressive = marker == 0xc2
	f.height, f.width, f.components = int(b[1])<<8|int(b[2]), int(b[3])<<8|int(b[4]), int(b[5])
	most, sum, names := 1, 0, ""
	for i := range f.components {
		names += string(b[6+3*i])
		h, v := int(b[7+3*i]>>4), int(b[7+3*i]&15)
		most, sum = max(most, h*v), sum+h*v
		f.blocks.X, f.blocks.Y = max(f.blocks.X, 8*h), max(f.blocks.Y, 8*v)
	}
	f.planesToRGB = f.planesToRGB || names == "RGB" // as decoders take it without a marker that says otherwise
	f.share = max(float64(sum)/float64(most), 1)
	return nil
}

// adobeMarker says that four components are CMYK, as a file without it means, too.
const adobeMarker = "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"

func decodeJPEG(raw []byte, _ head) (image.Image, error) {
	if f, err := jpegSegments(raw); err == nil && f.components == 4 && !f.adobe {
		raw = bytes.Join([][]byte{raw[:2], raw[2:]}, []byte(adobeMarker))
	}
	return jpeg.Decode(bytes.NewReader(raw))
}
