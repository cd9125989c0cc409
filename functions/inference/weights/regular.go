package weights

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/containerd/errdefs"

	regfile "github.com/videosdgx/videosdgx/internal/regular"
)

// OpenRegular opens a regular file to read it. A FIFO, a socket, a device or a folder at its path is a FormatError, at once:
// nothing is waited for, and no device is opened. Symbolic links are followed.
func OpenRegular(path string) (*os.File, error) {
	f, err := regfile.Open(path)
	if not := (*regfile.Error)(nil); errors.As(err, &not) {
		return nil, unfit(path, not.Mode)
	}
	return f, err
}

// IsRegular says whether OpenRegular would open what lies at path.
func IsRegular(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

func regular(path string, st fs.FileInfo) error {
	if st.Mode().IsRegular() {
		return nil
	}
	return unfit(path, st.Mode())
}

func unfit(path string, m fs.FileMode) error {
	return &FormatError{File: path, Reason: "it is " + kindOf(m) + ", and a regular file is needed"}
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "of another kind"
}

// FileState tells a file from what lies in its place later, and from itself after a write, as far as its metadata does: a write
// within a clock tick of another leaves it as it is. Nothing but a clock that is set back brings a change time back.
type FileState struct {
	Device, Inode        uint64
	Size, Wrote, Changed int64 // bytes; nanoseconds since 1970
}

// StateOf is the state in a file's metadata.
func StateOf(st fs.FileInfo) FileState {
	s := FileState{Size: st.Size(), Wrote: st.ModTime().UnixNano()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		s.Device, s.Inode, s.Changed = sys.Dev, sys.Ino, sys.Ctim.Nano()
	}
	return s
}

// Digest is that of an open file's content, "sha256:…", and the state in which the file had it. One that is written to meanwhile
// is ErrUnavailable.
func Digest(ctx context.Context, f *os.File) (digest string, s FileState, err error) {
	st, err := f.Stat()
	if err != nil {
		return "", s, err
	}
	h, buf, at := sha256.New(), make([]byte, pieceBytes), int64(0)
	for at < st.Size() {
		n, err := f.ReadAt(buf[:min(pieceBytes, st.Size()-at)], at)
		h.Write(buf[:n])
		if at += int64(n); err == nil || errors.Is(err, io.EOF) && n > 0 {
			err = context.Cause(ctx)
		}
		if errors.Is(err, io.EOF) {
			return "", s, errWritten
		}
		if err != nil {
			return "", s, err
		}
	}
	again, err := f.Stat()
	if err != nil {
		return "", s, err
	}
	if s = StateOf(st); StateOf(again) != s {
		return "", s, errWritten
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), s, nil
}

var errWritten = fmt.Errorf("it is being written to: ask again when that is done: %w", errdefs.ErrUnavailable)
