package tensorrt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/containerd/errdefs"
)

// openRegular opens a file of the cache, and waits for none: what lies there and is no regular file (a pipe, a device, a folder)
// is DataLoss, as what is damaged is.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.ELOOP) { // a socket, a link to itself
		return nil, fmt.Errorf("%s is no regular file: %w", path, errdefs.ErrDataLoss)
	}
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no regular file: %w", path, errdefs.ErrDataLoss), err, f.Close())
	}
	return f, nil
}

// readSmall reads a file of at most so many bytes.
func readSmall(path string, most int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(raw)) > most {
		err = fmt.Errorf("%s is larger than %d bytes: %w", path, most, errdefs.ErrDataLoss)
	}
	return raw, err
}
