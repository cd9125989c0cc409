package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
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
	if n, err := Verify(path, ""); err != nil || n.Lines != 20 {
		t.Errorf("%+v, %v", n, err)
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
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(dir, ""); !errdefs.IsDataLoss(err) {
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
	if n, err := Verify(path, ""); err != nil || n.Lines != 5 {
		t.Errorf("%+v, %v", n, err)
	}
}

func line(t *testing.T, l *Log, year int, month time.Month, who string) error {
	t.Helper()
	return l.Write(Entry{Time: time.Date(year, month, 3, 4, 5, 6, 0, time.UTC), Who: who})
}

// heads notes what Tell gives away.
func heads(t *testing.T, dir string) (l *Log, told map[string]string) {
	t.Helper()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	told = map[string]string{}
	l.Tell = func(file, head string) { told[file] = head }
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, told
}

// TestMonthsAreOneChain, over a year's end, a run's end and a clock that goes back.
func TestMonthsAreOneChain(t *testing.T) {
	dir := t.TempDir()
	l, told := heads(t, dir)
	at := func(l *Log, year int, month time.Month) {
		t.Helper()
		if err := line(t, l, year, month, "me"); err != nil {
			t.Fatal(err)
		}
	}
	at(l, 2026, 11)
	at(l, 2026, 12)
	at(l, 2026, 12)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	again, more := heads(t, dir)
	at(again, 2027, 1)
	at(again, 2026, 11) // the clock goes back
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	third, _ := heads(t, dir)
	at(third, 2026, 12) // and another run begins
	if err := third.Close(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]int{"": 6, "2026-11.jsonl": 1, "2026-12.jsonl": 2, "2027-01.jsonl": 3} {
		if n, err := Verify(filepath.Join(dir, file), ""); err != nil || n.Lines != want {
			t.Errorf("%q: %+v %v", file, n, err)
		}
	}
	for name, head := range map[string]string{"November's": told["2026-11.jsonl"], "December's": told["2026-12.jsonl"], "January's": more["2027-01.jsonl"]} {
		if _, err := Verify(dir, head); err != nil || head == "" {
			t.Errorf("%s head %q: %v", name, head, err)
		}
	}
	for name, harm := range map[string]func(string) error{
		"a month taken away":           func(d string) error { return os.Remove(filepath.Join(d, "2026-12.jsonl")) },
		"the first month taken away":   func(d string) error { return os.Remove(filepath.Join(d, "2026-11.jsonl")) },
		"the last line of a month cut": func(d string) error { return os.Truncate(filepath.Join(d, "2026-11.jsonl"), 0) },
	} {
		bad := t.TempDir()
		if err := os.CopyFS(bad, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := harm(bad); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(bad, ""); !errdefs.IsDataLoss(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Truncate(filepath.Join(dir, "2027-01.jsonl"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(dir, ""); err != nil {
		t.Errorf("the chain alone cannot tell that its end is missing: %v", err)
	}
	if _, err := Verify(dir, more["2027-01.jsonl"]); !errdefs.IsDataLoss(err) {
		t.Errorf("what was told shows that the end is missing: %v", err)
	}
}

// TestAFileThatIsTakenAwayIsMissed: who moves it, as rotating programs do, leaves the chain whole; who deletes it does not.
func TestAFileThatIsTakenAwayIsMissed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "2026-11.jsonl")
	l, _ := heads(t, dir)
	for i, harm := range []func() error{nil, func() error { return os.Rename(path, path+".1") }, nil, func() error { return os.Remove(path) }} {
		if harm != nil {
			if err := harm(); err != nil {
				t.Fatal(err)
			}
		}
		if err := line(t, l, 2026, 11, fmt.Sprint("user ", i)); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(b), fmt.Sprint("user ", i)) {
			t.Fatalf("line %d is not in the file: %v", i, err)
		}
	}
	if _, err := Verify(dir, ""); !errdefs.IsDataLoss(err) {
		t.Errorf("%v", err)
	}
}

// crowded is a file on a disk that is full after so many bytes.
type crowded struct {
	file
	left *int
}

func (c crowded) Write(b []byte) (int, error) {
	n := min(len(b), *c.left)
	*c.left -= n
	written, err := c.file.Write(b[:n])
	if n < len(b) {
		err = syscall.ENOSPC
	}
	return written, err
}

// TestAFullDiskLosesNoMoreThanItsLines: half a line is closed when there is room again, and the chain goes on.
func TestAFullDiskLosesNoMoreThanItsLines(t *testing.T) {
	dir := t.TempDir()
	l, _ := heads(t, dir)
	if err := line(t, l, 2026, 11, "before"); err != nil {
		t.Fatal(err)
	}
	for _, left := range []int{0, 1, 100} {
		l.file = crowded{l.file, &left}
		if err := line(t, l, 2026, 11, "lost"); err == nil {
			t.Error("a line that was not written is no error")
		}
		for _, who := range []string{"after", "and more"} {
			if err := line(t, l, 2026, 11, who); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n, err := Verify(dir, ""); err != nil || n.Lines != 9 {
		t.Errorf("%+v %v", n, err)
	}
}

var _ io.Writer = crowded{}

// TestLinesThatWait are written in one piece and in their place, at the latest with the next line that does not wait, or at the end;
// and who cannot be written is counted.
func TestLinesThatWait(t *testing.T) {
	dir := t.TempDir()
	l, _ := heads(t, dir)
	soon := func(year int, month time.Month, who string) error {
		return l.Soon(Entry{Time: time.Date(year, month, 28, 0, 0, 0, 0, time.UTC), Who: who, Status: 200})
	}
	for i := range 10 {
		if err := soon(2026, 11, fmt.Sprint("call ", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := line(t, l, 2026, 11, "deploys"); err != nil {
		t.Fatal(err)
	}
	if n, err := Verify(dir, ""); err != nil || n.Lines != 11 {
		t.Errorf("after one that does not wait: %+v, %v", n, err)
	}
	for _, err := range []error{soon(2026, 11, "old"), soon(2026, 12, "another month"), l.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n, err := Verify(dir, ""); err != nil || n.Lines != 13 {
		t.Errorf("at the end: %+v, %v", n, err)
	}
	none, lost := 0, make(chan int, 1)
	l.Lost = func(lines int, err error) {
		if errors.Is(err, syscall.ENOSPC) {
			lost <- lines
		}
	}
	if err := soon(2026, 12, "is written"); err != nil {
		t.Fatal(err)
	}
	if err := line(t, l, 2026, 12, "and this"); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.file = crowded{l.file, &none}
	l.mu.Unlock()
	if err := soon(2026, 12, "is lost"); err != nil {
		t.Fatal(err)
	}
	if n := <-lost; n != 1 { // by itself, within a moment
		t.Errorf("%d lines are told to be lost", n)
	}
	if err := line(t, l, 2026, 12, "after"); err != nil {
		t.Fatal(err)
	}
	if n, err := Verify(dir, ""); err != nil || n.Lines != 16 {
		t.Errorf("after a fault: %+v, %v", n, err)
	}
}
