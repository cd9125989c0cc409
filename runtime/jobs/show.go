package jobs

import (
	"errors"
	"path/filepath"
	"sync"
)

// show is what players may see of a clip in the making, across the attempts of its job. A playlist only ever grows (RFC 8216, 6.2.1):
// what an attempt has shown stays in it after the attempt has failed. The next one's chunks are compared with it; as long as they are the
// same bytes nothing is new until there is one more than were shown, and then the new file takes the old one's place. Where they are
// others, the old ones stay and the new ones follow from there on, after a discontinuity.
type show struct {
	out *outputs

	mu      sync.Mutex
	earlier []*reel  // of attempts before, oldest first, each of more chunks than the one before
	own     *growing // of the attempt that runs; nil: it has come to nothing yet, or none runs
	seen    look     // what of own has been looked at
	same    bool     // own is the beginning of the one earlier, as far as it is there
	line    string   // changes where who reads the stream as one file would get other bytes than those before
}

// Shown is what of an attempt that failed stays in a playlist.
type Shown struct {
	File   string  `json:"file"`
	Size   int64   `json:"size"`
	Head   int64   `json:"head"`
	Chunks []Chunk `json:"chunks"`
}

// begin takes an attempt's file, which is empty.
func (s *show) begin(g *growing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own, s.seen = g, g.now()
	if s.same = len(s.earlier) == 1 && !s.earlier[0].gone(); !s.same {
		s.line = g.name
	}
}

// shown is how many chunks attempts before have shown.
func (s *show) shown() (n int) {
	if last := len(s.earlier) - 1; last >= 0 {
		n = len(s.earlier[last].now().chunks)
	}
	return n
}

// grown looks at what the attempt has added and gives the chunk that a playlist lists anew, −1 where none.
func (s *show) grown() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own, before := s.own.now(), s.shown()
	defer func() { s.seen = own }()
	newest := len(own.chunks) - 1 // −1: the head
	if s.same {
		if err := s.compare(own, newest); err != nil {
			return -1, err
		}
	}
	if newest < before {
		return -1, nil
	}
	if before > 0 && s.earlier[0].gone() { // nobody was shown anything since: this attempt's alone are listed, all at once
		if err := s.replace(nil); err != nil {
			return -1, err
		}
	}
	return newest, nil
}

func (s *show) compare(own look, newest int) error {
	old := s.earlier[0].now()
	same, err := equal(old, own, newest)
	switch {
	case err != nil:
		return err
	case !same:
		s.same, s.line = false, s.own.name
	case newest+1 == len(old.chunks):
		s.same = false
		return s.replace(&s.own.reel)
	}
	return nil
}

// replace removes what attempts before have left.
func (s *show) replace(heir *reel) (err error) {
	for _, r := range s.earlier {
		err = errors.Join(err, r.leave(s.out.dir, heir))
	}
	s.earlier = nil
	return err
}

// rest ends an attempt that has come to nothing: what was shown of it stays. On a full disk the bytes go, and nothing is listed until
// there is more than was.
func (s *show) rest(full bool) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own != nil {
		own, before := s.own, s.shown()
		s.own = nil
		own.close()
		switch last := len(s.earlier) - 1; {
		case len(own.now().chunks) > before:
			s.earlier = append(s.earlier, &own.reel)
		case last >= 0 && s.line == own.name:
			s.line = s.earlier[last].name
			fallthrough
		default:
			err = own.leave(s.out.dir, nil)
		}
	}
	s.same = false
	if full {
		for _, r := range s.earlier {
			err = errors.Join(err, r.empty())
		}
		s.line = ""
	}
	return err
}

// keep makes a whole clip's stream durable and gives its record. On an error nothing remains.
func (s *show) keep() (p Piece, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.own
	defer func() {
		if err != nil {
			err = errors.Join(err, s.replace(nil), g.leave(s.out.dir, nil))
			s.own, s.line = nil, ""
		}
	}()
	if err := errors.Join(g.file.Sync(), g.file.Close(), g.index.Close()); err != nil {
		return Piece{}, err
	}
	if len(s.earlier) > 0 && s.earlier[0].gone() {
		if err := s.replace(nil); err != nil {
			return Piece{}, err
		}
	}
	own := g.now()
	p = Piece{Name: StreamPiece, File: g.name, Size: g.size, SHA256: g.digest(), ContentType: "video/mp4", Head: own.head, Chunks: own.chunks}
	if s.line != g.name {
		p.Line = s.line
	}
	for _, r := range s.earlier {
		old := r.now()
		at, size := old.place(len(old.chunks) - 1)
		p.Earlier = append(p.Earlier, Shown{File: r.name, Size: at + size, Head: old.head, Chunks: old.chunks})
	}
	for _, r := range append(s.earlier[:len(s.earlier):len(s.earlier)], &g.reel) {
		if err := r.move(s.out, filepath.Join(s.out.dir, r.name)); err != nil {
			return Piece{}, err
		}
	}
	return p, nil
}

// now is what is shown; false: nothing yet.
func (s *show) now() (Stream, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var st Stream
	for _, r := range s.earlier {
		st.earlier = append(st.earlier, r.now())
	}
	before := len(st.earlier)
	if s.own != nil {
		st.look = s.seen
	}
	if before > 0 && (s.own == nil || s.same && len(st.chunks) < len(st.earlier[0].chunks)) {
		st.look = st.earlier[before-1]
	}
	if before > 0 && s.earlier[0].gone() || st.Listed() == 0 {
		return Stream{}, false
	}
	st.Chunks, st.line = st.chunks, s.line
	return st, true
}
