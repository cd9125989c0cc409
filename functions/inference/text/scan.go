package text

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/containerd/errdefs"
)

// scanner takes JSON apart without copying or checking what it steps over: a vocabulary of a quarter of a million
// entries is most of a tokenizer.json, and encoding/json takes seconds and hundreds of megabytes for it.
type scanner struct {
	raw []byte
	at  int
}

func (s *scanner) bad(want string) error {
	return fmt.Errorf("not valid JSON at byte %d: %s is missing: %w", s.at, want, errdefs.ErrDataLoss)
}

// next skips white space and gives the byte there; 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.raw); s.at++ {
		switch c := s.raw[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) take(c byte) error {
	if s.next() != c {
		return s.bad(strconv.QuoteRune(rune(c)))
	}
	s.at++
	return nil
}

// quoted steps over a string and gives it with its quotes.
func (s *scanner) quoted() ([]byte, error) {
	if s.next() != '"' {
		return nil, s.bad("a string")
	}
	from := s.at
	if end := bytes.IndexByte(s.raw[from+1:], '"'); end >= 0 && bytes.IndexByte(s.raw[from+1:from+1+end], '\\') < 0 {
		s.at = from + end + 2
		return s.raw[from:s.at], nil
	}
	for s.at++; s.at < len(s.raw); s.at++ {
		switch s.raw[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return s.raw[from:s.at], nil
		}
	}
	return nil, s.bad("the end of a string")
}

func (s *scanner) text() (string, error) {
	q, err := s.quoted()
	if err != nil {
		return "", err
	}
	if bytes.IndexByte(q, '\\') < 0 && utf8.Valid(q) {
		return string(q[1 : len(q)-1]), nil
	}
	var out string
	if err := json.Unmarshal(q, &out); err != nil {
		return "", s.bad("a valid string")
	}
	return out, nil
}

func (s *scanner) number() (float64, error) {
	s.next()
	from := s.at
	for s.at < len(s.raw) && bytes.IndexByte([]byte("+-.eE0123456789"), s.raw[s.at]) >= 0 {
		s.at++
	}
	v, err := strconv.ParseFloat(string(s.raw[from:s.at]), 64)
	if err != nil {
		return 0, s.bad("a number")
	}
	return v, nil
}

// value steps over any value and gives its bytes.
func (s *scanner) value() ([]byte, error) {
	s.next()
	from, depth := s.at, 0
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case '"':
			if _, err := s.quoted(); err != nil {
				return nil, err
			}
			continue
		case '[', '{':
			depth++
		case ']', '}', ',':
			if depth == 0 {
				return s.raw[from:s.at], nil
			}
			if s.raw[s.at] != ',' {
				depth--
			}
		}
		s.at++
	}
	if depth > 0 {
		return nil, s.bad("a closing bracket")
	}
	return s.raw[from:s.at], nil
}

// list calls each for every element of an array, with the scanner before it, or of an object, before its value.
func (s *scanner) list(begin, end byte, each func() error) error {
	if err := s.take(begin); err != nil {
		return err
	}
	if s.next() == end {
		s.at++
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		if s.next() == end {
			s.at++
			return nil
		}
		if err := s.take(','); err != nil {
			return err
		}
	}
}

// members gives the values of an object by name; the last of two with one name counts.
func members(raw []byte) (map[string]json.RawMessage, error) {
	out, s := map[string]json.RawMessage{}, &scanner{raw: raw}
	err := s.list('{', '}', func() error {
		name, err := s.text()
		if err == nil {
			err = s.take(':')
		}
		if err == nil {
			out[name], err = s.value()
		}
		return err
	})
	if err == nil && s.next() != 0 {
		err = s.bad("the end")
	}
	return out, err
}

// vocabulary reads [["piece", score], …].
func vocabulary(raw []byte) (pieces []scored, err error) {
	s := &scanner{raw: raw}
	pieces = make([]scored, 0, bytes.Count(raw, []byte{'['}))
	err = s.list('[', ']', func() error {
		var p scored
		err := s.take('[')
		if err == nil {
			p.text, err = s.text()
		}
		if err == nil {
			err = s.take(',')
		}
		if err == nil {
			p.score, err = s.number()
		}
		pieces = append(pieces, p)
		if err != nil {
			return err
		}
		return s.take(']')
	})
	return pieces, err
}

// idsByPiece reads {"piece": id, …}.
func idsByPiece(raw []byte) (map[string]int32, error) {
	s := &scanner{raw: raw}
	ids := make(map[string]int32, bytes.Count(raw, []byte{':'}))
	err := s.list('{', '}', func() error {
		piece, err := s.text()
		if err == nil {
			err = s.take(':')
		}
		var id float64
		if err == nil {
			id, err = s.number()
		}
		if err == nil && (id != float64(int32(id)) || id < 0) {
			err = s.bad("an id")
		}
		ids[piece] = int32(id)
		return err
	})
	return ids, err
}

// pairs reads ["left right", …] or, as newer files have it, [["left", "right"], …].
func pairs(raw []byte, each func(left, right string) error) error {
	s := &scanner{raw: raw}
	return s.list('[', ']', func() error {
		var left, right string
		var err error
		if s.next() == '"' {
			if left, err = s.text(); err != nil {
				return err
			}
			var two bool
			if left, right, two = strings.Cut(left, " "); !two || strings.Contains(right, " ") {
				return s.bad("a pair")
			}
			return each(left, right)
		}
		for _, part := range []struct {
			before byte
			to     *string
		}{{'[', &left}, {',', &right}} {
			if err = s.take(part.before); err == nil {
				*part.to, err = s.text()
			}
			if err != nil {
				return err
			}
		}
		if err = s.take(']'); err != nil {
			return err
		}
		return each(left, right)
	})
}
