package hub

import (
	"context"
	"crypto/sha1" // git's object ids
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
)

// sums are a file's two digests.
type sums struct {
	sha256, git hash.Hash
}

// newSums begins the digests of a file of a known size, which git's id begins with.
func newSums(size int64) sums {
	s := sums{sha256: sha256.New(), git: sha1.New()}
	fmt.Fprintf(s.git, "blob %d\x00", size)
	return s
}

func (s sums) Write(p []byte) (int, error) {
	s.sha256.Write(p)
	return s.git.Write(p)
}

// matches compares with what the repository says; found and expected are for the error.
func (s sums) matches(e Entry) (ok bool, expected, found string) {
	if e.SHA256 != "" {
		found = hex.EncodeToString(s.sha256.Sum(nil))
		return found == e.SHA256, "sha256:" + e.SHA256, "sha256:" + found
	}
	found = hex.EncodeToString(s.git.Sum(nil))
	return found == e.Git, "git:" + e.Git, "git:" + found
}

// readSums hashes a file that should have size bytes. It ends with the cause of ctx when that ends first.
func readSums(ctx context.Context, path string, size int64) (sums, error) {
	s := newSums(size)
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{s}, readerFunc(func(p []byte) (int, error) {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		return f.Read(p)
	}), make([]byte, 1<<20))
	return s, err
}

type readerFunc func(p []byte) (int, error)

func (r readerFunc) Read(p []byte) (int, error) { return r(p) }
