package tensorrt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/regular"
)

// openRegular opens a file of the cache, and waits for none: what lies there and is no regular file (a pipe, a device, a folder)
// is DataLoss, as what is damaged is.
func openRegular(path string) (*os.File, error) {
	f, err := regular.Open(path)
	if not := (*regular.Error)(nil); errors.As(err, &not) || errors.Is(err, syscall.ELOOP) { // or a link to itself
		return nil, fmt.Errorf("%s is no regular file: %w", path, errdefs.ErrDataLoss)
	}
	return f, err
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
