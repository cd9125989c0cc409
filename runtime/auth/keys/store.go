package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/auth"
)

// Store is a file of keys. Safe for concurrent use, also by several processes.
type Store struct {
	path string
	now  func() time.Time

	mu      sync.RWMutex
	records []Record
	byID    map[string]Record
	seen    fs.FileInfo // of the file that was read; nil: there was none
	checked time.Time
	broken  error // why the file could not be read since; no key is good then

	save  func(b []byte, spare bool) error
	owed  map[string]time.Time // when keys were revoked of which the file does not say so yet
	log   *slog.Logger         // nil: a revocation that cannot be written fails
	again time.Duration        // until that is tried once more
}

// fresh is for how long a store trusts what it has read.
const fresh = time.Second

// Open reads a file of keys; one that is not there yet has none.
func Open(path string) (*Store, error) {
	s := &Store{path: path, now: time.Now, owed: map[string]time.Time{}, again: 5 * time.Second}
	s.save = s.write
	s.look(true)
	return s, s.broken
}

// Any says whether a key has ever been made here.
func (s *Store) Any() bool {
	s.look(false)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.records) > 0 || s.broken != nil
}

// List gives all keys, the oldest first, without their digests.
func (s *Store) List() ([]Record, error) {
	s.look(true)
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := slices.Clone(s.records)
	for i := range all {
		all[i].Hash = ""
	}
	return all, s.broken
}

// Check says whose a key is. Its errors are *auth.Refused.
func (s *Store) Check(secret string) (*auth.Principal, error) {
	s.look(false)
	s.mu.RLock()
	r, known := s.byID[idOf(secret)]
	broken := s.broken
	s.mu.RUnlock()
	if broken != nil {
		return nil, auth.Refuse("the server cannot read its keys; its log says why", "%v", broken)
	}
	if !known {
		return nil, errUnknown
	}
	if err := r.admits(secret, s.now()); err != nil {
		return nil, err
	}
	return r.principal(), nil
}

// Good says whether the key of an id is still good, for who has shown it before.
func (s *Store) Good(id string) bool {
	s.look(false)
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, known := s.byID[id]
	return known && s.broken == nil && r.State(s.now()) == "good"
}

// Create makes a key; the text that it gives is nowhere else.
func (s *Store) Create(w Wish) (r Record, secret string, err error) {
	if err := w.validate(); err != nil {
		return Record{}, "", err
	}
	err = s.change(false, func(all []Record) ([]Record, error) {
		r, secret = w.make(s.now())
		return append(all, r), nil
	})
	r.Hash = ""
	return r, secret, err
}

// change reads the file, has it changed and writes it, while no other process does. Its error is a *lostError where that cannot be
// kept. spare: what has been set aside for a full disk may be used for it.
func (s *Store) change(spare bool, f func([]Record) ([]Record, error)) error {
	lock, err := os.OpenFile(s.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return &lostError{fmt.Errorf("cannot lock the keys: %w", err)}
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return &lostError{fmt.Errorf("cannot lock the keys: %w", err)}
	}
	s.look(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	all, err := f(slices.Clone(s.records))
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(file{all}, "", "  ")
	if err != nil {
		return err
	}
	if err := s.save(append(b, '\n'), spare); err != nil {
		return &lostError{fmt.Errorf("cannot write the keys: %w", err)}
	}
	clear(s.owed) // all has them
	s.take(all)
	s.seen, err = os.Stat(s.path)
	return err
}

type file struct {
	Keys []Record `json:"keys"`
}

func (s *Store) take(all []Record) {
	s.records, s.byID = all, make(map[string]Record, len(all))
	for i := range all {
		if at, owed := s.owed[all[i].ID]; owed && all[i].Revoked.IsZero() {
			all[i].Revoked = at
		}
		s.byID[all[i].ID] = all[i]
	}
}

// look reads the file again when it is another one than before. now: also if it was looked at a moment ago.
func (s *Store) look(now bool) {
	s.mu.RLock()
	due := now || s.now().Sub(s.checked) >= fresh || s.now().Before(s.checked)
	s.mu.RUnlock()
	if !due {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checked = s.now()
	st, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) && s.seen == nil {
		s.broken = nil // there never was one
		return
	}
	if err == nil && s.broken == nil && s.seen != nil && os.SameFile(st, s.seen) && st.ModTime().Equal(s.seen.ModTime()) && st.Size() == s.seen.Size() {
		return
	}
	all, err := read(s.path)
	if s.broken = err; err == nil {
		s.take(all)
		s.seen = st
	}
}

func read(path string) ([]Record, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the keys: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var f file
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s is damaged, restore it from a backup: %w: %w", path, err, errdefs.ErrDataLoss)
	}
	return f.Keys, nil
}
