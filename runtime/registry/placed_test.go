package registry

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// polled is a registry that looks often. Its folder of functions is at a path of the caller's choice.
func polled(t *testing.T, functions string) *world {
	t.Helper()
	w := &world{t: t, cfg: Config{Functions: functions, Data: t.TempDir(), Debounce: time.Millisecond, Poll: 5 * time.Millisecond, Log: quiet}}
	w.open()
	return w
}

// serves waits until a function has this concurrency; it asks for none by name, which would have the registry look.
func (w *world) serves(name string, concurrency int) {
	w.t.Helper()
	w.until(fmt.Sprintf("%s with %d", name, concurrency), func() bool {
		e := w.known(name)
		return e != nil && e.latest != nil && e.latest.Concurrency == concurrency
	})
}

func place(t *testing.T, path string, concurrency int) {
	t.Helper()
	text := fmt.Sprintf("name: a\ncommand: [/bin/true]\nconcurrency: %d\n", concurrency)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lead makes a link, or has one lead elsewhere, at once.
func lead(t *testing.T, link, to string) {
	t.Helper()
	if err := os.Symlink(to, link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
}

// TestAManifestThatLiesElsewhere: no event tells that what a link leads to was written, or went.
func TestAManifestThatLiesElsewhere(t *testing.T) {
	w := polled(t, t.TempDir())
	there := filepath.Join(t.TempDir(), "a.yaml")
	place(t, there, 2)
	dir := filepath.Join(w.cfg.Functions, "a")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	lead(t, filepath.Join(dir, manifestFile), there)
	w.serves("a", 2)
	place(t, there, 3)
	w.serves("a", 3)
	if err := os.Remove(there); err != nil {
		t.Fatal(err)
	}
	w.until("going", func() bool { return w.known("a") == nil })
}

// TestLinksThatLeadElsewhere: releases are switched by a link, of one function or of all of them.
func TestLinksThatLeadElsewhere(t *testing.T) {
	releases := t.TempDir()
	for _, n := range []int{2, 3} {
		place(t, filepath.Join(releases, fmt.Sprint(n), "a", manifestFile), n)
	}
	to := func(n int, more ...string) string {
		return filepath.Join(append([]string{releases, fmt.Sprint(n)}, more...)...)
	}
	t.Run("of one", func(t *testing.T) {
		w := polled(t, t.TempDir())
		link := filepath.Join(w.cfg.Functions, "a")
		lead(t, link, to(2, "a"))
		w.serves("a", 2)
		lead(t, link, to(3, "a"))
		w.serves("a", 3)
	})
	t.Run("of all", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "functions")
		lead(t, link, to(2))
		w := polled(t, link)
		w.serves("a", 2)
		lead(t, link, to(3))
		w.serves("a", 3)
		place(t, to(3, "a", manifestFile), 4)
		w.serves("a", 4)
	})
}

// TestFilesOfOneTime: files that were written and touched together differ in nothing that is told of them but their number;
// a link that leads from one to the other is another file, small or large.
func TestFilesOfOneTime(t *testing.T) {
	dir := t.TempDir()
	h := hasher{files: map[string]fileHash{}}
	link := filepath.Join(dir, "link")
	for _, size := range []int{8, smallFile + 1} {
		twins := twins(t, dir, size)
		var stamps []string
		for _, f := range twins {
			lead(t, link, f)
			info, err := os.Stat(link)
			if err != nil {
				t.Fatal(err)
			}
			stamps = append(stamps, h.stamp(link, info))
		}
		if stamps[0] == stamps[1] {
			t.Errorf("of %d bytes one file has the other's stamp", size)
		}
	}
}

// twins are two files of one size and one set of times, which takes one tick of the kernel's clock to see both.
func twins(t *testing.T, dir string, size int) []string {
	t.Helper()
	body := make([]byte, size)
	for n := range 100 {
		files := []string{filepath.Join(dir, fmt.Sprint(size, "a", n)), filepath.Join(dir, fmt.Sprint(size, "b", n))}
		for i, f := range files {
			body[0] = byte(i)
			if err := os.WriteFile(f, body, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range files {
			if err := os.Chtimes(f, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
				t.Fatal(err)
			}
		}
		a, err := os.Stat(files[0])
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.Stat(files[1])
		if err != nil {
			t.Fatal(err)
		}
		if setTime(a).Equal(setTime(b)) {
			return files
		}
	}
	t.Fatal("no two files have one time")
	return nil
}
