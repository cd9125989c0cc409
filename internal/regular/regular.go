// Package regular opens files that have to be regular ones: what lies in their place is not waited for, and no device is touched.
package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/videosdgx/videosdgx/internal/sentence"
)

// Error says what lies at a path instead of a regular file.
type Error struct {
	Path string
	Mode fs.FileMode
}

func (e *Error) Error() string { return fmt.Sprintf("%s is no regular file", e.Path) }

// Fault says of an error of opening a file, or of looking for one, what is wrong with what lies there: a clause that begins with "it" and
// does not name the path ("it is not there").
func Fault(err error) string {
	not := (*Error)(nil)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is not there"
	case errors.As(err, &not) && not.Mode.IsDir():
		return "it is a folder, where a file is expected"
	case errors.As(err, &not):
		return "it is no file"
	}
	return "it cannot be read (" + sentence.Bare(err) + ")"
}

// Open opens a regular file to read it, through symbolic links. A FIFO, a socket, a device or a folder is an *Error, at once.
func Open(path string) (*os.File, error) { return open(path, os.Stat, 0) }

// OpenHere is Open that follows no symbolic link at the path's end: a link is an *Error too.
func OpenHere(path string) (*os.File, error) { return open(path, os.Lstat, syscall.O_NOFOLLOW) }

func open(path string, stat func(string) (fs.FileInfo, error), flag int) (*os.File, error) {
	st, err := stat(path) // opening a device may do something already
	if err == nil {
		err = check(path, st)
	}
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY|flag, 0) // and something else may lie there by now
	if err != nil {
		return nil, err
	}
	if st, err = f.Stat(); err == nil {
		err = check(path, st)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func check(path string, st fs.FileInfo) error {
	if st.Mode().IsRegular() {
		return nil
	}
	return &Error{Path: path, Mode: st.Mode()}
}
