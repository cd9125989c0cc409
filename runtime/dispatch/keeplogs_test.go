package dispatch

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// logs writes logs of 1,000 bytes each, named FUNCTION/ID.log, of so many hours ago.
func (r *rig) writeLogs(ages map[string]int) {
	r.t.Helper()
	for name, hours := range ages {
		path := filepath.Join(r.cfg.LogDir, name)
		at := time.Now().Add(-time.Duration(hours) * time.Hour)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.Repeat([]byte("123456789\n"), 100), 0o600); err != nil {
			r.t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			r.t.Fatal(err)
		}
	}
}

// leftLogs are the logs that there are, by name.
func (r *rig) leftLogs() string {
	var left []string
	paths, _ := filepath.Glob(filepath.Join(r.cfg.LogDir, "*", "*"))
	for _, p := range paths {
		rel, _ := filepath.Rel(r.cfg.LogDir, p)
		left = append(left, rel)
	}
	slices.Sort(left)
	return strings.Join(left, " ")
}

func TestLogsAreKeptForAWhileAndToASize(t *testing.T) {
	ages := map[string]int{"a/1.log": 1, "a/2.log": 50, "gone/3.log": 30, "b/4.log": 0, "b/runs.log": 90, "b/5.txt": 99}
	for name, c := range map[string]struct {
		age  time.Duration
		most int64
		want string
	}{
		"no bounds":                 {0, 0, "a/1.log a/2.log b/4.log b/5.txt b/runs.log gone/3.log"},
		"a day":                     {24 * time.Hour, 0, "a/1.log b/4.log b/5.txt b/runs.log"},
		"a size, the oldest first":  {0, 4000, "a/1.log b/4.log b/5.txt b/runs.log gone/3.log"},
		"a smaller one":             {0, 3999, "a/1.log b/4.log b/5.txt b/runs.log"},
		"none of those that run go": {0, 1, "b/4.log b/5.txt b/runs.log"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.writeLogs(ages)
			r.members.Store("runs", nil)
			if err := r.KeepLogs(c.age, c.most); err != nil {
				t.Fatal(err)
			}
			if got := r.leftLogs(); got != c.want {
				t.Errorf("left: %s\nwant: %s", got, c.want)
			}
		})
	}
}

func TestTheLogsOfThoseThatRunAreCutWhereTheyDoNotFit(t *testing.T) {
	r := newRig(t)
	r.writeLogs(map[string]int{"a/1.log": 5, "a/2.log": 5, "a/3.log": 5})
	for _, id := range []string{"1", "2", "3"} {
		r.members.Store(id, nil)
	}
	if err := r.KeepLogs(0, 2400); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "2", "3"} {
		b, err := os.ReadFile(filepath.Join(r.cfg.LogDir, "a", id+".log"))
		if err != nil || !bytes.HasSuffix(b, []byte("123456789\n")) {
			t.Errorf("log %s has lost its end: %d bytes, %v", id, len(b), err)
		}
	}
	all, total, err := r.everyLog()
	if err != nil || len(all) != 3 || total > 2400 {
		t.Errorf("%d logs have %d bytes, which may have 2400: %v", len(all), total, err)
	}
}

func TestLogsMakeRoom(t *testing.T) {
	r := newRig(t)
	r.writeLogs(map[string]int{"a/old.log": 9, "a/older.log": 10, "a/runs.log": 99, "a/fresh.log": 0})
	r.members.Store("runs", nil)
	for _, want := range []string{"log of a older.log", "log of a old.log", ""} {
		what, freed, err := r.ShedLog()
		if what != want || err != nil || (freed > 0) != (want != "") {
			t.Errorf("%q gave %d bytes, want %q: %v", what, freed, want, err)
		}
	}
}
