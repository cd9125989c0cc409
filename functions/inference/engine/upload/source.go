package upload

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/internal/regular"
)

// source is a file that is read, and what it was when that began.
type source struct {
	*os.File
	was fs.FileInfo
}

func openSource(path string) (*source, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &source{f, st}, nil
}

func (s *source) holds(bytes int64) error {
	if s.was.Size() < bytes {
		return fmt.Errorf("%s is truncated: %d bytes, at least %d expected", filepath.Base(s.Name()), s.was.Size(), bytes)
	}
	return nil
}

// readAt fills b.
func (s *source) readAt(b []byte, at int64) error {
	n, err := s.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s was truncated while it was read: nothing from byte %d on", filepath.Base(s.Name()), at+int64(n))
	}
	return fmt.Errorf("%s cannot be read at byte %d: %w", filepath.Base(s.Name()), at+int64(n), err)
}

// unchanged says whether the file was written to since it was opened, as far as its metadata tell.
func (s *source) unchanged() error {
	st, err := s.Stat()
	if err != nil {
		return err
	}
	if st.Size() != s.was.Size() || !st.ModTime().Equal(s.was.ModTime()) {
		return fmt.Errorf("%s was written to while it was read", filepath.Base(s.Name()))
	}
	return nil
}
