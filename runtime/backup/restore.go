package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// Marker lies in a folder while a restore into it is under way, and names the backup. A server must not use such a folder.
const Marker = ".restoring"

// Unfinished says whether a restore into a folder has begun and not ended.
func Unfinished(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, Marker))
	return err == nil
}

// Place is where a part of a backup goes: files below Name go below Path.
type Place struct{ Name, Path string }

// Restore writes the files of a backup to the first place that each fits. root must not be there, or be empty, or hold an
// earlier try of the same backup, which it goes on with; it holds the marker until all is there. Of other places no file may
// be there that is not the backup's.
func (r *Repo) Restore(ctx context.Context, b Backup, root string, places []Place) error {
	if err := vacant(root, b.ID); err != nil {
		return err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	marker := filepath.Join(root, Marker)
	if err := atomicfile.Write(marker, []byte(b.ID+"\n"), 0o600); err != nil {
		return fmt.Errorf("cannot begin the restore: %w", err)
	}
	for _, f := range b.Files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		to, err := placed(f.Name, places)
		if err == nil {
			err = errors.Join(r.o.Step("restore"), r.restore(f, to))
		}
		if err != nil {
			return fmt.Errorf("restore %s: %w", f.Name, err)
		}
	}
	sweepPlaces(b, places)
	if err := r.o.Step("finish"); err != nil {
		return err
	}
	if err := os.Remove(marker); err != nil {
		return err
	}
	return atomicfile.SyncDir(root)
}

// sweepPlaces removes what a try that was killed left half written.
func sweepPlaces(b Backup, places []Place) {
	for _, f := range b.Files {
		to, err := placed(f.Name, places)
		if err != nil || !f.Folder {
			continue
		}
		left, _ := filepath.Glob(filepath.Join(to, ".restore-*"+atomicfile.Suffix))
		for _, name := range left {
			_ = os.Remove(name) // it takes room, no more
		}
	}
}

func vacant(root, id string) error {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || len(entries) == 0 {
		return err
	}
	begun, err := os.ReadFile(filepath.Join(root, Marker))
	switch {
	case err != nil:
		return fmt.Errorf("%s is not empty: restore into a folder of its own, and move that into place: %w", root, errdefs.ErrFailedPrecondition)
	case strings.TrimSpace(string(begun)) != id:
		return fmt.Errorf("%s holds a restore of backup %s that did not end: go on with that one, or empty the folder: %w", root, strings.TrimSpace(string(begun)), errdefs.ErrFailedPrecondition)
	}
	return nil
}

// placed is where a file goes. Names come from a list and are checked all the same.
func placed(name string, places []Place) (string, error) {
	for _, p := range places {
		if name == p.Name {
			return p.Path, nil
		}
		if rest, ok := strings.CutPrefix(name, p.Name+"/"); ok && filepath.IsLocal(filepath.FromSlash(rest)) {
			return filepath.Join(p.Path, filepath.FromSlash(rest)), nil
		}
	}
	return "", fmt.Errorf("the list names a place that is none: %w", errdefs.ErrDataLoss)
}

func (r *Repo) restore(f File, to string) error {
	switch {
	case f.Folder:
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		return os.Chmod(to, f.Mode|0o700) // its files are still to come
	case f.Link != "":
		if was, err := os.Readlink(to); err == nil && was == f.Link {
			return nil
		}
		return os.Symlink(f.Link, to)
	}
	if st, err := os.Lstat(to); err == nil && st.Mode().IsRegular() && st.Size() == f.Size && st.ModTime().Equal(f.Time) && st.Mode().Perm() == f.Mode {
		return nil // an earlier try has written it: its time is set last
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s is there already and another file: move it away: %w", to, errdefs.ErrFailedPrecondition)
	}
	from, err := r.open(f.SHA256)
	if err != nil {
		return err
	}
	defer from.Close()
	return write(to, f, checked(from, f.SHA256))
}

// write makes a file whole or not at all, with the time that it had.
func write(to string, f File, from io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(to), ".restore-*"+atomicfile.Suffix)
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	_, err = io.Copy(out, from)
	if err = errors.Join(err, out.Chmod(f.Mode), out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := os.Chtimes(out.Name(), f.Time, f.Time); err != nil {
		return err
	}
	if err := os.Rename(out.Name(), to); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(to))
}

// checked reads a content, and fails at its end when it is another.
func checked(from io.Reader, sum string) io.Reader { return &checker{from, sha256.New(), sum} }

type checker struct {
	from io.Reader
	hash hash.Hash
	sum  string
}

// Read implements io.Reader.
func (c *checker) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.hash.Write(p[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(c.hash.Sum(nil)) != c.sum {
		return n, fmt.Errorf("the content %s is damaged: %w", c.sum[:16], errdefs.ErrDataLoss)
	}
	return n, err
}
