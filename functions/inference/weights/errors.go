package weights

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// FormatError says that a file is not what its format asks for. It is errdefs.ErrDataLoss: fetch the file again.
type FormatError struct {
	File   string // path
	Tensor string // empty when the file as a whole is meant
	Reason string
}

func (e *FormatError) Error() string {
	if e.Tensor == "" {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s: tensor %q: %s", e.File, e.Tensor, e.Reason)
}

func (e *FormatError) Unwrap() error { return errdefs.ErrDataLoss }

// DigestError says that a file's content is not what its manifest promises.
type DigestError struct {
	File     string // path
	Expected string // "sha256:…"
	Found    string // "sha256:…"
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("%s is damaged: expected %s, found %s; build or pull it again", e.File, e.Expected, e.Found)
}

func (e *DigestError) Unwrap() error { return errdefs.ErrDataLoss }

// SizeError says that a file is shorter or longer than its manifest promises.
type SizeError struct {
	File            string // path
	Expected, Found int64  // bytes
	Digest          string // expected digest, "sha256:…"
	FoundDigest     string // digest of what is there, "sha256:…"
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s is damaged: expected %d bytes with %s, found %d bytes with %s; build or pull it again",
		e.File, e.Expected, e.Digest, e.Found, e.FoundDigest)
}

func (e *SizeError) Unwrap() error { return errdefs.ErrDataLoss }

func missing(file, tensor string) error {
	return fmt.Errorf("%s has no tensor %q: %w", file, tensor, errdefs.ErrNotFound)
}
