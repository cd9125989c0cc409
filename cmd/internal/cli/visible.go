package cli

import (
	"fmt"
	"io"
	"unicode/utf8"
)

// visible reads a log as a person can read it: what functions write may steer a terminal, and runtimes write carriage
// returns for line ends (AWS's for Python does, in tracebacks). A bare carriage return becomes a line end, other control
// characters their pictures (U+2400 and on); tabs stay.
type visible struct {
	r      io.Reader
	buf    [4 << 10]byte
	part   []byte // of a character that the next bytes complete
	out    []byte
	waits  bool // a carriage return was the last byte: a line feed may follow
	failed error
}

// Read implements io.Reader.
func (v *visible) Read(p []byte) (int, error) {
	for len(v.out) == 0 {
		if v.failed != nil {
			return 0, v.failed
		}
		var n int
		n, v.failed = v.r.Read(v.buf[:])
		v.part = append(v.part, v.buf[:n]...)
		for len(v.part) > 0 && (v.failed != nil || utf8.FullRune(v.part)) {
			r, size := utf8.DecodeRune(v.part)
			v.put(r, v.part[:size])
			v.part = v.part[size:]
		}
		if v.failed != nil && v.waits {
			v.out = append(v.out, '\n')
		}
	}
	n := copy(p, v.out)
	v.out = v.out[n:]
	return n, nil
}

// put takes a character and its bytes.
func (v *visible) put(r rune, as []byte) {
	if v.waits {
		v.waits = false
		v.out = append(v.out, '\n')
		if r == '\n' {
			return
		}
	}
	switch {
	case r == '\r':
		v.waits = true
	case r == '\n', r == '\t':
		v.out = append(v.out, byte(r))
	case r < ' ':
		v.out = append(v.out, string(0x2400+r)...)
	case r == 0x7f:
		v.out = append(v.out, "\u2421"...)
	case r == utf8.RuneError && len(as) == 1: // no character; a terminal may take it for one that steers
		v.out = fmt.Appendf(v.out, `\x%02x`, as[0])
	case steers(r):
		v.out = fmt.Appendf(v.out, `\u%04x`, r)
	default:
		v.out = append(v.out, as...)
	}
}
