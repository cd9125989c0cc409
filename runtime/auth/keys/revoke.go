package keys

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// lostError says that a change cannot be written.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// Insist makes revocations hold whatever becomes of the file: one that cannot be written is good in this process at once, log hears
// of it, and it is written as soon as that can be done. It also sets room aside for them.
func (s *Store) Insist(log *slog.Logger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = log
	if s.seen != nil {
		s.reserve(s.seen.Size())
	}
}

// Revoke ends a key, by its id, or all keys of a name. It gives those that it has ended. warning says what of it has not been written
// down yet, where this store Insists; "": nothing.
func (s *Store) Revoke(which string) (ended []Record, warning string, err error) {
	mark := func(all []Record) ([]Record, error) {
		var err error
		ended, err = s.mark(all, which)
		return all, err
	}
	err = s.change(true, mark)
	var lost *lostError
	if errors.As(err, &lost) && s.owe(mark) {
		s.log.Error("a revoked key cannot be written down: it is refused here, and by no other server of this file, nor after a restart, until that is done", "which", which, "error", err)
		warning, err = "it is refused by this server from now on, but that cannot be written down yet ("+err.Error()+"): make room; until then a restart would take it again", nil
		time.AfterFunc(s.again, s.pay)
	}
	for i := range ended {
		ended[i].Hash = ""
	}
	return ended, warning, err
}

// mark revokes keys in a list.
func (s *Store) mark(all []Record, which string) (ended []Record, err error) {
	at := s.now().UTC().Truncate(time.Second)
	known := false
	for i, r := range all {
		if r.ID != which && r.Name != which {
			continue
		}
		known = true
		if r.Revoked.IsZero() {
			all[i].Revoked = at
			ended = append(ended, all[i])
		}
	}
	switch {
	case !known:
		return nil, fmt.Errorf("there is no key %.70q, by id or name: 'videosdgx keys ls' lists those there are: %w", which, errdefs.ErrNotFound)
	case len(ended) == 0:
		return nil, fmt.Errorf("%s is revoked already: %w", which, errdefs.ErrFailedPrecondition)
	}
	return ended, nil
}

// owe has a change of revocations hold in memory; false where that is not enough.
func (s *Store) owe(mark func([]Record) ([]Record, error)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log == nil {
		return false
	}
	all, err := mark(slices.Clone(s.records))
	if err != nil {
		return false
	}
	for i, r := range all {
		if !r.Revoked.Equal(s.records[i].Revoked) {
			s.owed[r.ID] = r.Revoked
		}
	}
	s.take(all)
	return true
}

// pay writes what is owed, or comes again later.
func (s *Store) pay() {
	s.mu.RLock()
	owed := len(s.owed)
	s.mu.RUnlock()
	if owed == 0 {
		return // another change has written it
	}
	if err := s.change(true, func(all []Record) ([]Record, error) { return all, nil }); err != nil {
		s.log.Error("revoked keys cannot be written down yet: make room on the disk of the keys", "keys", owed, "error", err)
		time.AfterFunc(s.again, s.pay)
		return
	}
	s.log.Warn("revoked keys that could not be written down are now", "keys", owed)
}

// spare is the file of zeros beside the keys that lets a revocation be written on a full disk.
func (s *Store) spare() string { return s.path + ".spare" }

// write makes the file hold b. On a full disk it may take the spare file's place.
func (s *Store) write(b []byte, spare bool) error {
	err := atomicfile.Write(s.path, b, 0o600)
	if spare && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) && s.spend(b) == nil {
		err = nil
	}
	if err == nil {
		s.reserve(int64(len(b)))
	}
	return err
}

// spend writes into the blocks of the spare file, and gives it the name of the keys.
func (s *Store) spend(b []byte) error {
	f, err := os.OpenFile(s.spare(), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Truncate(int64(len(b)))
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(s.spare(), s.path); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(s.path))
}

// reserve has a spare file that the keys fit into, with all of them revoked. That there is none is no fault: revocations then hold in
// memory.
func (s *Store) reserve(size int64) {
	size += int64(len(s.records)+1)*64 + 4096
	if st, err := os.Stat(s.spare()); err == nil && st.Size() >= size {
		return
	}
	if atomicfile.Write(s.spare(), make([]byte, 2*size), 0o600) != nil {
		_ = atomicfile.Write(s.spare(), make([]byte, size), 0o600) // the old one stays where this fails too
	}
}
