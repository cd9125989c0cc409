package secrets

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"filippo.io/age"
	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// Store is a file of secrets, encrypted for the identity in another.
type Store struct {
	Path     string
	Identity string // file of an age identity; made with the first secret where it is not there
}

// lock keeps other programs from changing the store meanwhile.
func (s Store) lock() (unlock func(), err error) {
	dir, err := os.Open(filepath.Dir(s.Path))
	if err != nil {
		return nil, fmt.Errorf("the folder of the secrets cannot be read: %w", err)
	}
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("the secrets cannot be locked: %w", err), dir.Close())
	}
	return func() { dir.Close() }, nil
}

// identities are those of the file, of which the first is encrypted for: there are two while one replaces the other.
func (s Store) identities(make bool) (ids []*age.X25519Identity, err error) {
	b, err := os.ReadFile(s.Identity)
	if errors.Is(err, fs.ErrNotExist) && make {
		id, err := age.GenerateX25519Identity()
		if err != nil {
			return nil, err
		}
		return []*age.X25519Identity{id}, s.keep(id)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of the secrets cannot be read: %w: %w", err, errdefs.ErrFailedPrecondition)
	}
	for line := range strings.Lines(string(b)) {
		if id, err := age.ParseX25519Identity(strings.TrimSpace(line)); err == nil {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%s is no age identity: %w", s.Identity, errdefs.ErrFailedPrecondition)
	}
	return ids, nil
}

// keep writes the file of identities.
func (s Store) keep(ids ...*age.X25519Identity) error {
	var text strings.Builder
	for _, id := range ids {
		text.WriteString(id.String() + "\n")
	}
	if err := atomicfile.Write(s.Identity, []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("the key of the secrets cannot be written: %w", err)
	}
	return nil
}

func (s Store) load(ids []*age.X25519Identity) (map[string]string, error) {
	all := map[string]string{}
	b, err := os.ReadFile(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the secrets cannot be read: %w: %w", err, errdefs.ErrFailedPrecondition)
	}
	any := make([]age.Identity, len(ids))
	for i, id := range ids {
		any[i] = id
	}
	r, err := age.Decrypt(bytes.NewReader(b), any...)
	if err == nil {
		b, err = io.ReadAll(r)
	}
	if err != nil || json.Unmarshal(b, &all) != nil {
		return nil, fmt.Errorf("%s cannot be decrypted with %s: %w", s.Path, s.Identity, errdefs.ErrFailedPrecondition)
	}
	return all, nil
}

func (s Store) get(name string) (string, error) {
	ids, err := s.identities(false)
	if err != nil {
		return "", err
	}
	all, err := s.load(ids)
	if err != nil {
		return "", err
	}
	v, ok := all[name]
	if !ok {
		return "", fmt.Errorf("there is no secret %q in the store: 'videosdgx secrets set %s' makes it: %w", name, name, errdefs.ErrFailedPrecondition)
	}
	return v, nil
}

// List names the secrets of the store.
func (s Store) List() ([]string, error) {
	if _, err := os.Stat(s.Path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	ids, err := s.identities(false)
	if err != nil {
		return nil, err
	}
	all, err := s.load(ids)
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, err
}

// Set keeps a secret; an empty one takes it away, and NotFound says that there is none.
func (s Store) Set(name, value string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("%.40q is no name of a secret: letters, digits, _ . and -: %w", name, errdefs.ErrInvalidArgument)
	}
	if value != "" {
		if _, err := text("store:"+name, []byte(value)); err != nil {
			return err
		}
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	ids, err := s.identities(true)
	if err != nil {
		return err
	}
	all, err := s.load(ids)
	if err != nil {
		return err
	}
	if value == "" {
		if _, ok := all[name]; !ok {
			return fmt.Errorf("there is no secret %q: %w", name, errdefs.ErrNotFound)
		}
		delete(all, name)
	} else {
		all[name] = value
	}
	return s.seal(all, ids[0])
}

// Rotate makes another identity and encrypts the store for it. Whatever ends it in the middle leaves a store that can be read, and a
// second run gets it done. It gives how many secrets there are.
func (s Store) Rotate() (int, error) {
	unlock, err := s.lock()
	if err != nil {
		return 0, err
	}
	defer unlock()
	old, err := s.identities(false)
	if err != nil {
		return 0, err
	}
	all, err := s.load(old)
	if err != nil {
		return 0, err
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return 0, err
	}
	if err := s.keep(append([]*age.X25519Identity{id}, old...)...); err != nil {
		return 0, err
	}
	if err := s.seal(all, id); err != nil {
		return 0, err
	}
	return len(all), s.keep(id)
}

// seal writes the store.
func (s Store) seal(all map[string]string, id *age.X25519Identity) error {
	plain, err := json.Marshal(all)
	if err != nil {
		return err
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, id.Recipient())
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	return atomicfile.Write(s.Path, sealed.Bytes(), 0o600)
}
