package weights

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SumsName is the file of a checkpoint that lists its digests, in sha256sum's format.
const SumsName = "SHA256SUMS"

// VerifySums holds the files of dir to its SHA256SUMS; without that file there is nothing to hold them to.
func VerifySums(dir string) error {
	path := filepath.Join(dir, SumsName)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read digests: %w", err)
	}
	defer f.Close()
	scan := bufio.NewScanner(f)
	for scan.Scan() {
		want, name, ok := strings.Cut(scan.Text(), "  ")
		if !ok || len(want) != 64 || !filepath.IsLocal(name) {
			return &FormatError{File: path, Reason: fmt.Sprintf("not a line of sha256sum: %q", scan.Text())}
		}
		found, err := Digest(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if found != "sha256:"+want {
			return &DigestError{File: filepath.Join(dir, name), Expected: "sha256:" + want, Found: found}
		}
	}
	return scan.Err()
}

// Digest is the content digest of a file, "sha256:…".
func Digest(path string) (string, error) {
	return hashFile(context.Background(), path, func(int) {})
}

// CountSums says how many files the SHA256SUMS of dir lists.
func CountSums(dir string) (int, error) {
	raw, err := os.ReadFile(filepath.Join(dir, SumsName))
	return strings.Count(string(raw), "\n"), err
}
