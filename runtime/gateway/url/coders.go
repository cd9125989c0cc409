package url

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// eventText is an io.Writer of part of an event.
type eventText struct{ s *events }

func (e eventText) Write(p []byte) (int, error) {
	e.s.write(string(p), true)
	return len(p), nil
}

func base64Coder(s *events) io.WriteCloser {
	b := bufio.NewWriterSize(eventText{s}, 32<<10)
	return &base64Text{base64.NewEncoder(base64.StdEncoding, b), b}
}

// base64Text is an encoder whose many small pieces are put together.
type base64Text struct {
	io.WriteCloser
	out *bufio.Writer
}

func (t *base64Text) Close() error { return errors.Join(t.WriteCloser.Close(), t.out.Flush()) }

func textCoder(s *events) io.WriteCloser { return &jsonText{to: eventText{s}} }

// jsonText writes UTF-8 as the inside of a JSON string. Characters may be cut by the ends of pieces.
type jsonText struct {
	to   io.Writer
	rest []byte
}

func (j *jsonText) Write(p []byte) (int, error) {
	b := append(j.rest, p...)
	n := len(b)
	for i := 1; i <= min(utf8.UTFMax, len(b)); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				n = len(b) - i
			}
			break
		}
	}
	j.rest = append([]byte(nil), b[n:]...)
	return len(p), j.put(b[:n])
}

func (j *jsonText) put(b []byte) error {
	text, err := json.Marshal(string(b))
	if err != nil {
		return err
	}
	_, err = j.to.Write(text[1 : len(text)-1])
	return err
}

// Close writes what is left of a character that was never completed.
func (j *jsonText) Close() error { return j.put(j.rest) }

// utf8Check sees whether all that is written is UTF-8.
type utf8Check struct {
	rest []byte
	bad  bool
}

func (c *utf8Check) Write(p []byte) (int, error) {
	b := append(c.rest, p...)
	for len(b) > 0 && utf8.FullRune(b) && !c.bad {
		r, n := utf8.DecodeRune(b)
		c.bad = r == utf8.RuneError && n == 1
		b = b[n:]
	}
	c.rest = append([]byte(nil), b...)
	if c.bad {
		c.rest = nil
	}
	return len(p), nil
}

func (c *utf8Check) valid() bool { return !c.bad && len(c.rest) == 0 }
