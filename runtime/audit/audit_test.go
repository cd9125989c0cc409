package audit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

func write(t *testing.T, dir string, from, to int) {
	t.Helper()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := from; i < to; i++ {
		all.Go(func() {
			if err := l.Write(Entry{Time: time.Date(2026, 11, 28, 0, 0, i, 0, time.UTC), Who: fmt.Sprint("user ", i), Method: "DELETE", Path: "/v1/jobs/1", Status: 204}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestEveryLineIsThereAndInItsPlace(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 0, 10)
	write(t, dir, 10, 20) // another run of the server
	path := filepath.Join(dir, "2026-11.jsonl")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Verify(bytes.NewReader(b)); err != nil || n != 20 {
		t.Errorf("%d, %v", n, err)
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Error(st.Mode())
	}
	lines := strings.SplitAfter(strings.TrimSpace(string(b)), "\n")
	for name, changed := range map[string]string{
		"a line changed":      strings.Replace(string(b), `"user 3"`, `"user 4"`, 1),
		"a line taken away":   strings.Join(append(append([]string{}, lines[:5]...), lines[6:]...), ""),
		"two lines swapped":   strings.Join(append(append([]string{}, lines[1], lines[0]), lines[2:]...), ""),
		"a line put in":       strings.Join(append(append([]string{}, lines[:2]...), append([]string{lines[0]}, lines[2:]...)...), ""),
		"the first gone, too": strings.Join(lines[1:], ""),
	} {
		if _, err := Verify(strings.NewReader(changed)); !errdefs.IsDataLoss(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAfterACrash(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 0, 3)
	path := filepath.Join(dir, "2026-11.jsonl")
	b, _ := os.ReadFile(path)
	if err := os.WriteFile(path, b[:len(b)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, dir, 3, 5)
	b, _ = os.ReadFile(path)
	if n, err := Verify(bytes.NewReader(b)); err != nil || n != 5 {
		t.Errorf("%d, %v", n, err)
	}
}
