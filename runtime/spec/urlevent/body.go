package urlevent

import (
	"bufio"
	"encoding/base64"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Body is where an answer's body lies in the answer. The zero Body is empty.
type Body struct {
	src     io.ReaderAt
	off, n  int64
	escaped bool // JSON's escapes are in it
	coded   bool // it is base64
	size    *int64
}

// Whole is a body that is all of src, as it is.
func Whole(src io.ReaderAt, size int64) Body { return Body{src: src, n: size} }

// Open gives a reader of the body, decoded. It may be called several times.
func (b Body) Open() io.Reader {
	if b.src == nil {
		return eof{}
	}
	var r io.Reader = io.NewSectionReader(b.src, b.off, b.n)
	if b.escaped {
		r = &unescaper{r: bufio.NewReaderSize(r, 16<<10)}
	}
	if b.coded {
		r = base64.NewDecoder(base64.RawStdEncoding, &unpadded{r: r})
	}
	return r
}

// Size is the number of bytes that Open gives. Where they are coded it reads all of them, the first time.
func (b *Body) Size() (int64, error) {
	if !b.escaped && !b.coded {
		return b.n, nil
	}
	if b.size != nil {
		return *b.size, nil
	}
	n, err := io.Copy(io.Discard, b.Open())
	if err == nil {
		b.size = &n
	}
	return n, err
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// unescaper reads what lies between the quotes of a valid JSON string. Half a surrogate pair becomes U+FFFD, as in
// encoding/json.
type unescaper struct {
	r    *bufio.Reader
	left []byte // decoded, not yet read
}

func (u *unescaper) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(u.left) == 0 {
		if _, err := u.r.Peek(1); err != nil {
			return 0, err
		}
		run, _ := u.r.Peek(u.r.Buffered())
		n := 0
		for n < len(run) && n < len(p) && run[n] != '\\' {
			n++
		}
		if n > 0 {
			return u.r.Read(p[:n])
		}
		r, err := u.escape()
		if err != nil {
			return 0, err
		}
		u.left = utf8.AppendRune(u.left[:0], r)
	}
	n := copy(p, u.left)
	u.left = u.left[n:]
	return n, nil
}

var escapes = map[byte]rune{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (u *unescaper) escape() (rune, error) {
	var two [2]byte
	if _, err := io.ReadFull(u.r, two[:]); err != nil {
		return 0, err
	}
	if two[1] != 'u' {
		if r, ok := escapes[two[1]]; ok {
			return r, nil
		}
		return rune(two[1]), nil
	}
	digits, err := u.r.Peek(4)
	if err != nil {
		return 0, err
	}
	r := code(digits)
	u.r.Discard(4)
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if next, err := u.r.Peek(6); err == nil && next[0] == '\\' && next[1] == 'u' {
		if pair := utf16.DecodeRune(r, code(next[2:])); pair != utf8.RuneError {
			u.r.Discard(6)
			return pair, nil
		}
	}
	return utf8.RuneError, nil
}

// code is the value of four hexadecimal digits.
func code(digits []byte) (r rune) {
	for _, c := range digits[:4] {
		r = r<<4 | hex(c)
	}
	return r
}
