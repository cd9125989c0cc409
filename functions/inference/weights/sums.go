package weights

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SumsName is the file of a checkpoint that lists its digests, in sha256sum's format.
const SumsName = "SHA256SUMS"

// VerifySums holds the files of dir to its SHA256SUMS, which means reading all of them; without that file there is nothing
// to hold them to. When ctx ends, so does the reading.
func VerifySums(ctx context.Context, dir string) error {
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
		found, err := hashFile(ctx, filepath.Join(dir, name), func(int) {})
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s is missing: %s expects it with sha256:%s; pull it again: %w", filepath.Join(dir, name), path, want, err)
		}
		if err != nil {
			return err
		}
		if found != "sha256:"+want {
			return fmt.Errorf("%w (or run sha256sum again over what %s lists, if it was changed on purpose)",
				&DigestError{File: filepath.Join(dir, name), Expected: "sha256:" + want, Found: found}, path)
		}
	}
	return scan.Err()
}

// CountSums says how many files the SHA256SUMS of dir lists.
func CountSums(dir string) (int, error) {
	raw, err := os.ReadFile(filepath.Join(dir, SumsName))
	return strings.Count(string(raw), "\n"), err
}

// WriteSums writes SHA256SUMS for files of dir: hex digests by path with slashes.
func WriteSums(dir string, sums map[string]string) error {
	return replaceFile(filepath.Join(dir, SumsName), func(w io.Writer) error {
		for _, name := range slices.Sorted(maps.Keys(sums)) {
			if _, err := fmt.Fprintf(w, "%s  %s\n", sums[name], name); err != nil {
				return err
			}
		}
		return nil
	})
}
