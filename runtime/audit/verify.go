package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
)

// monthForm and tail are the name of a month's file, which sorts by time.
const (
	monthForm = "2006-01"
	tail      = ".jsonl"
)

// files are the names of a folder's files, the oldest first.
func files(dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "????-??"+tail))
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = filepath.Base(p)
	}
	slices.Sort(names)
	return names, err
}

// newest is the last month of a folder; "" where there is none.
func newest(dir string) string {
	names, err := files(dir)
	if err != nil || len(names) == 0 {
		return ""
	}
	return strings.TrimSuffix(names[len(names)-1], tail)
}

// headBefore is the digest of the last line before a file; "" where there is none.
func headBefore(dir, name string) (string, error) {
	names, err := files(dir)
	for _, n := range slices.Backward(names) {
		if n >= name || err != nil {
			continue
		}
		f, err := os.Open(filepath.Join(dir, n))
		if err != nil {
			return "", err
		}
		last, _, err := lastLine(f)
		if err = errors.Join(err, f.Close()); last != nil || err != nil {
			return sum(last), err
		}
	}
	return "", err
}

// Found is what Verify has seen.
type Found struct {
	Lines int    `json:"lines"`
	Head  string `json:"head"` // digest of the last line
}

// Verify reads the log of a folder, or one file of it, and says how far it is whole. DataLoss names the first line whose predecessor
// is not the one that was there when it was written, and says where a line of the digest has, "" for none, is not there. A month's first line names the last of the month before.
func Verify(path, has string) (Found, error) {
	dir, names := filepath.Split(filepath.Clean(path))
	one := []string{names}
	if st, err := os.Stat(path); err != nil {
		return Found{}, err
	} else if st.IsDir() {
		dir = path
		if one, err = files(dir); err != nil {
			return Found{}, err
		}
	}
	c := chain{has: has}
	for i, name := range one {
		if i == 0 {
			var err error
			if c.prev, err = headBefore(dir, name); err != nil {
				return Found{}, err
			}
		}
		if err := c.file(filepath.Join(dir, name)); err != nil {
			return c.found, fmt.Errorf("%s: %w", name, err)
		}
	}
	if has != "" && !c.seen {
		return c.found, fmt.Errorf("no line has the digest %.64s: lines were taken away, or all were written anew: %w", has, errdefs.ErrDataLoss)
	}
	return c.found, nil
}

// chain is followed from line to line.
type chain struct {
	prev, has string
	seen      bool
	found     Found
}

func (c *chain) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	n := 0
	for b := bufio.NewReader(f); ; n++ {
		line, err := b.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if line[len(line)-1] == '\n' {
			line = line[:len(line)-1]
		}
		var e Entry
		// what a crash cut off names nothing, and the next line names it all the same; files of before do not name the last one
		if json.Unmarshal(line, &e) == nil && e.Prev != c.prev && (n > 0 || e.Prev != "") {
			if n == 0 && c.prev == "" {
				return fmt.Errorf("its first line follows one of an earlier file, which is not here: %w", errdefs.ErrDataLoss)
			}
			return fmt.Errorf("line %d follows another line than it did when it was written: %w", n+1, errdefs.ErrDataLoss)
		}
		c.prev = sum(line)
		c.seen = c.seen || c.prev == c.has
		c.found.Lines++
		c.found.Head = c.prev
	}
}
