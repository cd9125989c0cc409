package urlevent

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// errNotJSON says that a text is not JSON.
var errNotJSON = errors.New("not JSON")

// Bounds of what is kept of a document, in bytes, and of its depth, as encoding/json has it.
const (
	maxField = 1 << 20
	maxDepth = 10000
)

// scanner walks once through a JSON document of any size and holds nothing of it but what it is told to keep.
type scanner struct {
	r       *bufio.Reader
	at      int64 // offset of the next byte
	keeping bool
	kept    []byte
	escaped bool // the last string has escapes
}

// field is a member's value: where it lies, and its text when that was kept.
type field struct {
	off, n  int64 // of the value; of a string, without its quotes
	text    bool  // a string
	escaped bool
	kept    json.RawMessage
}

// object walks through a document that is an object, and gives the members that are asked for, the last of each name as
// encoding/json does. The text of those in keep is kept.
func object(r io.Reader, want, keep func(name string) bool) (map[string]field, error) {
	s := &scanner{r: bufio.NewReaderSize(r, 16<<10)}
	if c, err := s.start(); err != nil || c != '{' {
		return nil, noEnd(orNotJSON(err))
	}
	fields := map[string]field{}
	err := s.members(0, func(name string) error {
		f, err := s.member(keep(name))
		if want(name) {
			fields[strings.ToLower(name)] = f
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if _, err := s.start(); !errors.Is(err, io.EOF) {
		return nil, orNotJSON(err)
	}
	return fields, nil
}

// member reads a value of the document's object.
func (s *scanner) member(keep bool) (field, error) {
	c, err := s.start()
	if err != nil {
		return field{}, noEnd(err)
	}
	f := field{off: s.at, text: c == '"'}
	s.keeping, s.kept = keep, nil
	if f.text {
		f.off++ // start has not passed it yet
	}
	s.escaped = false
	err = s.value(1)
	f.n, f.escaped, f.kept = s.at-f.off, s.escaped, s.kept
	if f.text {
		f.n--
	}
	s.keeping = false
	return f, err
}

// start skips white space and gives the next byte, without passing it.
func (s *scanner) start() (byte, error) {
	for {
		b, err := s.r.Peek(1)
		if err != nil {
			return 0, err
		}
		switch b[0] {
		case ' ', '\t', '\r', '\n':
			if _, err := s.next(); err != nil {
				return 0, err
			}
		default:
			return b[0], nil
		}
	}
}

// next passes one byte.
func (s *scanner) next() (byte, error) {
	c, err := s.r.ReadByte()
	if err != nil {
		return 0, noEnd(err)
	}
	s.at++
	return c, nil
}

func noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return errNotJSON
	}
	return err
}

// keep notes bytes that have been passed.
func (s *scanner) keep(p ...byte) error {
	if !s.keeping {
		return nil
	}
	if len(s.kept)+len(p) > maxField {
		return errTooLong
	}
	s.kept = append(s.kept, p...)
	return nil
}

var errTooLong = errors.New("a field other than body is longer than 1 MiB")

// take passes one byte and keeps it.
func (s *scanner) take() (byte, error) {
	c, err := s.next()
	if err == nil {
		err = s.keep(c)
	}
	return c, err
}

// value passes a value; its first byte is next.
func (s *scanner) value(depth int) error {
	c, err := s.start()
	switch {
	case err != nil:
		return noEnd(err)
	case depth > maxDepth:
		return errNotJSON
	case c == '"':
		return s.text()
	case c == '{':
		return s.members(depth, func(string) error { return s.value(depth + 1) })
	case c == '[':
		return s.elements(depth)
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return s.number()
}

// members passes an object; each reads the value after a name.
func (s *scanner) members(depth int, each func(name string) error) error {
	return s.list('}', func() error {
		name, err := s.name(depth)
		if err != nil {
			return err
		}
		if err := s.punct(':'); err != nil {
			return err
		}
		return each(name)
	})
}

func (s *scanner) elements(depth int) error {
	return s.list(']', func() error { return s.value(depth + 1) })
}

// list passes what lies between brackets, with commas between its parts.
func (s *scanner) list(end byte, part func() error) error {
	if _, err := s.take(); err != nil {
		return err
	}
	c, err := s.start()
	if err == nil && c == end {
		_, err = s.take()
		return err
	}
	for err == nil {
		if err = part(); err != nil {
			break
		}
		if c, err = s.start(); err != nil {
			break
		}
		if _, err = s.take(); err != nil || c == end {
			return err
		}
		if c != ',' {
			return errNotJSON
		}
	}
	return noEnd(err)
}

// name passes a member's name, which is kept for the document's own members only.
func (s *scanner) name(depth int) (string, error) {
	c, err := s.start()
	if err != nil || c != '"' {
		return "", noEnd(orNotJSON(err))
	}
	if depth > 0 {
		return "", s.text()
	}
	s.keeping, s.kept = true, nil
	err = s.text()
	s.keeping = false
	var name string
	if err == nil && json.Unmarshal(s.kept, &name) != nil {
		err = errNotJSON
	}
	return name, err
}

func orNotJSON(err error) error {
	if err == nil {
		return errNotJSON
	}
	return err
}

func (s *scanner) punct(want byte) error {
	c, err := s.start()
	if err != nil {
		return noEnd(err)
	}
	if c != want {
		return errNotJSON
	}
	_, err = s.take()
	return err
}

func (s *scanner) word(w string) error {
	for i := range len(w) {
		if c, err := s.take(); err != nil || c != w[i] {
			return orNotJSON(err)
		}
	}
	return nil
}

// text passes a string, in runs as long as the buffer.
func (s *scanner) text() error {
	if _, err := s.take(); err != nil {
		return err
	}
	for {
		if _, err := s.r.Peek(1); err != nil {
			return noEnd(err)
		}
		run, _ := s.r.Peek(s.r.Buffered())
		n := 0
		for n < len(run) && run[n] != '"' && run[n] != '\\' && run[n] >= ' ' {
			n++
		}
		more := n == len(run)
		if err := s.pass(run[:n]); err != nil {
			return err
		}
		if more {
			continue
		}
		switch c, err := s.take(); {
		case err != nil:
			return err
		case c == '"':
			return nil
		case c != '\\':
			return errNotJSON
		}
		s.escaped = true
		if err := s.escape(); err != nil {
			return err
		}
	}
}

func (s *scanner) pass(run []byte) error {
	err := s.keep(run...)
	n, _ := s.r.Discard(len(run)) // they are in the buffer
	s.at += int64(n)
	return err
}

func (s *scanner) escape() error {
	c, err := s.take()
	if err != nil {
		return err
	}
	if c != 'u' {
		if strings.IndexByte(`"\/bfnrt`, c) < 0 {
			return errNotJSON
		}
		return nil
	}
	for range 4 {
		if c, err := s.take(); err != nil || hex(c) < 0 {
			return orNotJSON(err)
		}
	}
	return nil
}

func hex(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c - 'a' + 10)
	case c >= 'A' && c <= 'F':
		return rune(c - 'A' + 10)
	}
	return -1
}

// number passes a number: what it is made of is read, and encoding/json judges it.
func (s *scanner) number() error {
	var n []byte
	for {
		b, err := s.r.Peek(1)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err != nil || strings.IndexByte("+-.0123456789eE", b[0]) < 0 {
			break
		}
		c, err := s.take()
		if err != nil {
			return err
		}
		if n = append(n, c); len(n) > maxField {
			return errTooLong
		}
	}
	if !json.Valid(n) {
		return errNotJSON
	}
	return nil
}
