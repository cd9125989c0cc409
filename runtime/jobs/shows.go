package jobs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
)

// shows are the clips that can be watched before their jobs have ended.
type shows struct {
	out *outputs

	mu sync.Mutex
	by map[string]*show
}

func newShows(out *outputs) *shows { return &shows{out: out, by: map[string]*show{}} }

// find gives a job's, also one that an earlier process or another node has left on the disk; nil where there is none.
func (s *shows) find(id string) (*show, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[id] != nil {
		return s.by[id], nil
	}
	left, err := s.left(id)
	if err == nil && left != nil {
		s.by[id] = left
	}
	return left, err
}

// make is find, or a new one.
func (s *shows) make(id string) (*show, error) {
	found, err := s.find(id)
	if err != nil || found != nil {
		return found, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by[id] = &show{out: s.out}
	return s.by[id], nil
}

// held gives what this process holds of a job; nil: nothing.
func (s *shows) held(id string) *show {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by[id]
}

// forget leaves a job to the node that runs it now.
func (s *shows) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, id)
}

// end removes what was shown of a job that has ended and is not in its record.
func (s *shows) end(id string) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, id)
	names, err := s.names(id, streamTail, indexTail)
	for _, name := range names {
		err = errors.Join(err, removeIfThere(filepath.Join(s.out.dir, partialDir, name)))
	}
	return err
}

// left reads what attempts have left of a job's stream. Of two that end at the same chunk the older one has been shown.
func (s *shows) left(id string) (*show, error) {
	names, err := s.names(id, indexTail)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(names, func(a, b string) int { return int(tokenOf(a) - tokenOf(b)) })
	all := &show{out: s.out}
	for _, name := range names {
		r, err := readReel(s.out.dir, strings.TrimSuffix(name, indexTail)+streamTail)
		if err != nil {
			return nil, err
		}
		if r != nil && len(r.chunks) > all.shown() {
			all.earlier, all.line = append(all.earlier, r), r.name
		}
	}
	if len(all.earlier) == 0 {
		return nil, nil
	}
	return all, nil
}

func tokenOf(name string) int64 {
	_, token, _ := parseName(name)
	return token
}

// names are a job's files in the making that end in one of tails.
func (s *shows) names(id string, tails ...string) (out []string, err error) {
	entries, err := os.ReadDir(filepath.Join(s.out.dir, partialDir))
	for _, e := range entries {
		of := func(tail string) bool { return strings.HasSuffix(e.Name(), tail) }
		if strings.HasPrefix(e.Name(), id+".") && slices.ContainsFunc(tails, of) {
			out = append(out, e.Name())
		}
	}
	return out, err
}

// mayShow tells whether a file in the making belongs to a stream that players may have seen.
func mayShow(name string) bool {
	return strings.HasSuffix(name, streamTail) || strings.HasSuffix(name, indexTail)
}

// tidyShows forgets the clips of jobs that have ended elsewhere.
func (s *Service) tidyShows(ctx context.Context) (err error) {
	s.shows.mu.Lock()
	var ids []string
	for id := range s.shows.by {
		ids = append(ids, id)
	}
	s.shows.mu.Unlock()
	for _, id := range ids {
		if s.runsHere(id) {
			continue
		}
		j, gerr := s.deps.Store.Get(ctx, id)
		if errdefs.IsNotFound(gerr) || gerr == nil && j.State.Ended() {
			err = errors.Join(err, s.shows.end(id))
		} else {
			err = errors.Join(err, gerr)
		}
	}
	return err
}
