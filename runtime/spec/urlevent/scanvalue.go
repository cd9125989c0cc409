package urlevent

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

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
	s.keeping, s.kept, s.escaped = true, s.room[:0], false
	err = s.text()
	s.keeping, s.room = false, s.kept
	if err != nil {
		return "", err
	}
	if !s.escaped && utf8.Valid(s.kept) {
		return string(s.kept[1 : len(s.kept)-1]), nil
	}
	var name string
	if json.Unmarshal(s.kept, &name) != nil {
		return "", errNotJSON
	}
	return name, nil
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
	err := s.keep(run)
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
	n := s.digits[:0]
	defer func() { s.digits = n }()
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
