package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"filippo.io/age"
	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
	"github.com/videosdgx/videosdgx/internal/regular"
)

// object is where a content lies.
func (r *Repo) object(sum string) string {
	name := sum
	if len(r.o.Recipients) > 0 {
		name += sealed
	}
	return filepath.Join(r.dir, objectDir, sum[:2], name)
}

var sumForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// find is where a content lies, encrypted or not.
func (r *Repo) find(sum string) (path string, encrypted bool, err error) {
	if !sumForm.MatchString(sum) {
		return "", false, fmt.Errorf("%.70q is no digest: %w", sum, errdefs.ErrDataLoss)
	}
	plain := filepath.Join(r.dir, objectDir, sum[:2], sum)
	if _, err := os.Stat(plain); err == nil {
		return plain, false, nil
	}
	if _, err := os.Stat(plain + sealed); err != nil {
		return "", false, fmt.Errorf("the content %s is gone from the repository: %w", sum[:16], errdefs.ErrDataLoss)
	}
	return plain + sealed, true, nil
}

// open reads a content; its end says whether it is whole.
func (r *Repo) open(sum string) (io.ReadCloser, error) {
	path, encrypted, err := r.find(sum)
	if err != nil {
		return nil, err
	}
	return r.decrypt(path, encrypted)
}

// openRegular opens a file that a backup has to hold: no link, and nothing that is waited for or never ends.
func openRegular(path string) (*os.File, error) {
	f, err := regular.OpenHere(path)
	if not := (*regular.Error)(nil); errors.As(err, &not) {
		return nil, fmt.Errorf("%s is no regular file: %w", filepath.Base(path), errdefs.ErrDataLoss)
	}
	return f, err
}

type reader struct {
	io.Reader
	io.Closer
}

func (r *Repo) decrypt(path string, encrypted bool) (io.ReadCloser, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	if !encrypted {
		return f, nil
	}
	if len(r.o.Identities) == 0 {
		f.Close()
		return nil, fmt.Errorf("the backup is encrypted: name the file of an age identity with --identity: %w", errdefs.ErrFailedPrecondition)
	}
	plain, err := age.Decrypt(f, r.o.Identities...)
	if err != nil {
		f.Close()
		var no *age.NoIdentityMatchError
		if errors.As(err, &no) {
			return nil, fmt.Errorf("the backup is encrypted for others than this identity: %w", errdefs.ErrPermissionDenied)
		}
		return nil, fmt.Errorf("%s is damaged: %w: %w", filepath.Base(path), err, errdefs.ErrDataLoss)
	}
	return reader{plain, f}, nil
}

// create makes a file of the repository under a name that it gets when it is whole and on the disk.
func (r *Repo) create(final func(sum string) string, from io.Reader) (sum string, size int64, err error) {
	f, err := os.CreateTemp(filepath.Join(r.dir, tempDir), "new-*")
	if err != nil {
		return "", 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	h, out := sha256.New(), io.Writer(f)
	var seal io.WriteCloser
	if len(r.o.Recipients) > 0 {
		if seal, err = age.Encrypt(f, r.o.Recipients...); err != nil {
			return "", 0, err
		}
		out = seal
	}
	size, err = io.Copy(io.MultiWriter(out, h), from)
	if err == nil && seal != nil {
		err = seal.Close()
	}
	if err == nil {
		err = errors.Join(r.o.Step("sync"), f.Sync())
	}
	if err != nil {
		return "", 0, err
	}
	sum = hex.EncodeToString(h.Sum(nil))
	path := final(sum)
	if _, err := os.Stat(path); err == nil {
		return sum, size, nil // somebody else's content is the same
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", 0, err
	}
	if err := errors.Join(r.o.Step("rename"), os.Rename(f.Name(), path)); err != nil {
		return "", 0, err
	}
	return sum, size, atomicfile.SyncDir(filepath.Dir(path))
}
