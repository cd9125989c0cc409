// Package backup keeps copies of a server's files in a folder: every content once, under its digest, and of each backup a
// list of its files. A content is there in full or not at all, and a list is written last: whatever is killed in the middle
// leaves the backups that there were as they were. With recipients, contents and lists are encrypted by age; their names
// still tell who has two repositories which contents are the same.
package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"
	"github.com/containerd/errdefs"
)

// Options say how a repository is used.
type Options struct {
	Recipients []age.Recipient // encrypt for them; none: nothing is encrypted
	Identities []age.Identity  // decrypt with them
	Now        func() time.Time
	Step       func(step string) error // nil, or a test's way to fail, or to end, a step by name
}

// Repo is a folder of backups.
type Repo struct {
	dir string
	o   Options
}

// File is one file of a backup.
type File struct {
	Name   string      `json:"name"` // its place, with slashes: "data/keys.json"
	Mode   fs.FileMode `json:"mode"` // permissions
	Size   int64       `json:"size"`
	Time   time.Time   `json:"time"`           // of its last change
	SHA256 string      `json:"sha256"`         // of its content; "" of a folder or a link
	Link   string      `json:"link,omitempty"` // what a symbolic link says
	Folder bool        `json:"folder,omitempty"`
}

// Backup is one list of files.
type Backup struct {
	ID      string    `json:"-"` // when it was made, and the beginning of the list's digest
	Made    time.Time `json:"made"`
	Version string    `json:"version,omitempty"` // of the program that made it
	Notes   []string  `json:"notes,omitempty"`   // what is not in it
	Files   []File    `json:"files"`
}

// Bytes are those of all its files.
func (b Backup) Bytes() (n int64) {
	for _, f := range b.Files {
		n += f.Size
	}
	return n
}

const (
	objectDir = "objects"
	listDir   = "backups"
	tempDir   = "tmp"
	sealed    = ".age"
)

// Open opens a repository, or makes one in a folder that is empty or not there.
func Open(dir string, o Options) (*Repo, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Step == nil {
		o.Step = func(string) error { return nil }
	}
	r := &Repo{dir, o}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the repository: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, listDir)); err != nil && len(entries) > 0 && !r.begun(entries) {
		return nil, fmt.Errorf("%s is no repository of backups and not empty: name another folder: %w", dir, errdefs.ErrInvalidArgument)
	}
	return r, nil
}

// begun says whether a folder holds nothing but what Create begins with.
func (r *Repo) begun(entries []fs.DirEntry) bool {
	return !slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return !slices.Contains([]string{objectDir, listDir, tempDir, "lock"}, e.Name())
	})
}

// lock keeps others from writing into the repository at the same time.
func (r *Repo) lock() (unlock func(), err error) {
	for _, dir := range []string{"", objectDir, listDir, tempDir} {
		if err := os.MkdirAll(filepath.Join(r.dir, dir), 0o700); err != nil {
			return nil, fmt.Errorf("cannot make the repository: %w", err)
		}
	}
	f, err := os.OpenFile(filepath.Join(r.dir, "lock"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another backup writes into %s: wait for it: %w", r.dir, errdefs.ErrUnavailable)
	}
	return func() { f.Close() }, nil
}

// idTime is when a backup was made, so that ids sort by time.
const idTime = "20060102T150405.000000Z"

var idForm = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[0-9a-f]{16}$`)

// Time is when the backup of an id was made; false for what is no id.
func Time(id string) (time.Time, bool) {
	at, _, _ := strings.Cut(id, "-")
	t, err := time.Parse(idTime, at)
	return t, err == nil
}

// put writes a backup's list.
func (r *Repo) put(b *Backup) error {
	text, err := json.MarshalIndent(b, "", " ")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	b.ID = b.Made.UTC().Format(idTime) + "-" + hex.EncodeToString(sum[:8])
	tail := ".json"
	if len(r.o.Recipients) > 0 {
		tail += sealed
	}
	_, _, err = r.create(func(string) string { return filepath.Join(r.dir, listDir, b.ID+tail) }, bytes.NewReader(text))
	return err
}

// List gives the ids of all backups, oldest first.
func (r *Repo) List() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.dir, listDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ids []string
	for _, e := range entries {
		if id := strings.TrimSuffix(strings.TrimSuffix(e.Name(), sealed), ".json"); idForm.MatchString(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, err
}

// Get reads a backup's list: by its id, the beginning of it, or the latest with "".
func (r *Repo) Get(id string) (Backup, error) {
	ids, err := r.List()
	if err != nil {
		return Backup{}, err
	}
	var fit []string
	for _, one := range ids {
		if strings.HasPrefix(one, id) {
			fit = append(fit, one)
		}
	}
	switch {
	case len(fit) == 0 && id == "":
		return Backup{}, fmt.Errorf("%s has no backup yet: %w", r.dir, errdefs.ErrNotFound)
	case len(fit) == 0:
		return Backup{}, fmt.Errorf("there is no backup %.40q in %s: %w", id, r.dir, errdefs.ErrNotFound)
	case len(fit) > 1 && id != "":
		return Backup{}, fmt.Errorf("%s begins the ids of %d backups: give more of it: %w", id, len(fit), errdefs.ErrInvalidArgument)
	}
	return r.read(fit[len(fit)-1])
}

func (r *Repo) read(id string) (b Backup, err error) {
	path := filepath.Join(r.dir, listDir, id+".json")
	_, serr := os.Stat(path)
	encrypted := serr != nil
	if encrypted {
		path += sealed
	}
	f, err := r.decrypt(path, encrypted)
	if err != nil {
		return b, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	sum := sha256.Sum256(text)
	if err == nil && !strings.HasSuffix(id, hex.EncodeToString(sum[:8])) {
		err = errors.New("its digest is another")
	}
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err == nil {
		err = b.check()
	}
	if err != nil {
		return b, fmt.Errorf("the list of backup %s is damaged: %w: %w", id, err, errdefs.ErrDataLoss)
	}
	b.ID = id
	return b, nil
}
