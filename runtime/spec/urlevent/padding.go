package urlevent

import (
	"encoding/base64"
	"io"
)

// unpadded reads base64 without the padding at its end, which RFC 4648 (section 3.2) leaves to each protocol and some
// languages' encoders leave out: with it, without it, one text means one thing. A wrong padding, or more after it, stays an
// error. Line breaks are passed over here as in encoding/base64, because they may stand between two signs of the padding.
type unpadded struct {
	r    io.Reader
	read int64 // signs before the padding
	pads int64
}

func (u *unpadded) Read(p []byte) (int, error) {
	for {
		n, err := u.r.Read(p)
		kept, ok := u.strip(p[:n])
		switch {
		case !ok:
			return 0, base64.CorruptInputError(u.read)
		case err == io.EOF && u.pads > 0 && (u.read+u.pads)%4 != 0:
			return 0, base64.CorruptInputError(u.read + u.pads)
		case kept > 0 || err != nil || len(p) == 0:
			return kept, err
		}
	}
}

// strip moves what is neither padding nor a line break to the front of p, and says how much that is; false: something
// comes after the padding, or there is too much of it.
func (u *unpadded) strip(p []byte) (int, bool) {
	kept := p[:0]
	for _, c := range p {
		switch {
		case c == '\r' || c == '\n':
		case c == '=':
			u.pads++
		case u.pads > 0:
			return 0, false
		default:
			kept = append(kept, c)
		}
	}
	u.read += int64(len(kept))
	return len(kept), u.pads <= 2
}
