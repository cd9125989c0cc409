package cli

import "io"

// visible reads a log as a person can read it: what functions write may steer a terminal, and runtimes write carriage
// returns for line ends (AWS's for Python does, in tracebacks). A bare carriage return becomes a line end, other control
// characters their pictures (U+2400 and on); tabs stay.
type visible struct {
	r      io.Reader
	buf    [4 << 10]byte
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
		for _, c := range v.buf[:n] {
			v.put(c)
		}
		if v.failed != nil && v.waits {
			v.out = append(v.out, '\n')
		}
	}
	n := copy(p, v.out)
	v.out = v.out[n:]
	return n, nil
}

func (v *visible) put(c byte) {
	if v.waits {
		v.waits = false
		v.out = append(v.out, '\n')
		if c == '\n' {
			return
		}
	}
	switch {
	case c == '\r':
		v.waits = true
	case c == '\n', c == '\t', c >= ' ' && c != 0x7f:
		v.out = append(v.out, c)
	case c == 0x7f:
		v.out = append(v.out, "\u2421"...)
	default:
		v.out = append(v.out, string(rune(0x2400+int(c)))...)
	}
}
