package urlevent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
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
	escaped bool   // the last string has escapes
	room    []byte // of kept
	digits  []byte // room for a number
}

// scanners are those that have no document: what they hold makes up most of what a short answer would cost.
var scanners = sync.Pool{New: func() any {
	return &scanner{r: bufio.NewReaderSize(nil, 16<<10), room: make([]byte, 0, 512), digits: make([]byte, 0, 32)}
}}

// free lets another document have the scanner, with room of usual size.
func (s *scanner) free() {
	s.r.Reset(nil)
	*s = scanner{r: s.r, room: s.room[:0], digits: s.digits[:0]}
	if max(cap(s.room), cap(s.digits)) <= 4<<10 {
		scanners.Put(s)
	}
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
	s := scanners.Get().(*scanner)
	defer s.free()
	s.r.Reset(r)
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
	s.keeping, s.kept = keep, s.room[:0]
	if f.text {
		f.off++ // start has not passed it yet
	}
	s.escaped = false
	err = s.value(1)
	f.n, f.escaped = s.at-f.off, s.escaped
	if f.text {
		f.n--
	}
	if keep {
		f.kept = bytes.Clone(s.kept)
	}
	s.keeping, s.room = false, s.kept
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
func (s *scanner) keep(p []byte) error {
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
	if err != nil || !s.keeping {
		return c, err
	}
	if len(s.kept) == maxField {
		return c, errTooLong
	}
	s.kept = append(s.kept, c)
	return c, nil
}
