package token

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
)

// source gives the issuer's keys, from a file or an address, and follows them as they change.
type source struct {
	where string
	fetch Get // nil: where is a file
	now   func() time.Time

	loading sync.Mutex // held while somebody loads; others go on with what there is

	mu     sync.RWMutex
	keys   []key
	turn   uint64    // counts the sets that there were
	loaded time.Time // the last that succeeded
	tried  time.Time
	file   fs.FileInfo
	failed error
}

// How often a set is asked for.
const (
	fileAge  = time.Second
	webAge   = 5 * time.Minute
	unknown  = 10 * time.Second // after a token has named a key that is not there
	retryAge = 30 * time.Second // after a failure
	tooOld   = 24 * time.Hour   // without a success: keys that may have been withdrawn long ago verify nothing
	patience = 5 * time.Second
)

func newSource(where string, now func() time.Time, get Get) (*source, error) {
	s := &source{where: where, now: now}
	if !strings.Contains(where, "://") {
		return s, s.load(context.Background())
	}
	u, err := url.Parse(where)
	if err != nil || !Safe(u) || get == nil {
		return nil, fmt.Errorf("jwks is %q: write https://…, http:// only of this machine, or a file: %w", where, errdefs.ErrInvalidArgument)
	}
	s.fetch = get
	return s, nil // it may come up after this server
}

// Get fetches what an address gives, at most a MiB of it, and follows no redirect to one that is not Safe.
type Get func(ctx context.Context, address string) ([]byte, error)

// Safe says whether nobody on the way can change what an address gives.
func Safe(u *url.URL) bool {
	if u.Scheme == "https" && u.Host != "" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// get gives the keys of an id, or all for "", loading them where that is due. turn is of the set they are from.
func (s *source) get(ctx context.Context, id string) (keys []key, turn uint64, err error) {
	s.refresh(ctx, false)
	if keys, turn, err = s.find(id); err != nil || len(keys) > 0 {
		return keys, turn, err
	}
	s.refresh(ctx, true)
	return s.find(id)
}

func (s *source) find(id string) (found []key, turn uint64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.keys == nil || s.now().Sub(s.loaded) > tooOld {
		return nil, 0, errors.Join(errors.New("there are no current keys of the issuer"), s.failed)
	}
	for _, k := range s.keys {
		if id == "" || k.id == id {
			found = append(found, k)
		}
	}
	return found, s.turn, nil
}

// current is the turn of the set that is good now.
func (s *source) current(ctx context.Context) uint64 {
	s.refresh(ctx, false)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.now().Sub(s.loaded) > tooOld {
		return 0
	}
	return s.turn
}

// refresh loads the set where it is old, or missing what somebody asks for. One caller at a time does; nobody waits for it
// but those who have nothing to go on with.
func (s *source) refresh(ctx context.Context, missing bool) {
	if !s.due(missing) {
		return
	}
	if !s.loading.TryLock() {
		s.mu.RLock()
		none := s.keys == nil
		s.mu.RUnlock()
		if !none && !missing {
			return
		}
		s.loading.Lock()
	}
	defer s.loading.Unlock()
	if !s.due(missing) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_ = s.load(ctx) // s.failed has it
}

// reload loads the set now.
func (s *source) reload(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.load(ctx)
}

func (s *source) due(missing bool) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	since := s.now().Sub(s.tried)
	switch {
	case s.tried.IsZero() || since < 0:
		return true
	case s.fetch == nil:
		return since >= fileAge
	case s.failed != nil:
		return since >= retryAge
	case missing:
		return since >= unknown
	}
	return since >= webAge
}

func (s *source) load(ctx context.Context) error {
	b, st, err := s.read(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = s.now()
	if err == nil && b == nil { // the file is as it was
		s.loaded, s.failed = s.tried, nil
		return nil
	}
	var keys []key
	if err == nil {
		keys, err = parseSet(b)
	}
	if s.failed = err; err != nil {
		s.failed = fmt.Errorf("jwks %s: %w", s.where, err)
		return s.failed
	}
	s.keys, s.loaded, s.file = keys, s.tried, st
	s.turn++
	return nil
}

// read gives the set; nil for a file that has not changed.
func (s *source) read(ctx context.Context) ([]byte, fs.FileInfo, error) {
	if s.fetch != nil {
		b, err := s.fetch(ctx, s.where)
		return b, nil, err
	}
	st, err := os.Stat(s.where)
	if err != nil {
		return nil, nil, err
	}
	s.mu.RLock()
	was := s.file
	s.mu.RUnlock()
	if was != nil && os.SameFile(st, was) && st.ModTime().Equal(was.ModTime()) && st.Size() == was.Size() {
		return nil, st, nil
	}
	b, err := os.ReadFile(s.where)
	return b, st, err
}
