package catalog

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/snapshotter"
)

func open(t *testing.T, budget int64) *Catalog {
	t.Helper()
	now := time.Unix(1e9, 0)
	c, err := Open(Options{Dir: t.TempDir(), Budget: budget, Now: func() time.Time { now = now.Add(time.Second); return now }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func key(image string) snapshotter.Key {
	return snapshotter.Key{Image: image, Config: "c", Machine: snapshotter.Machine{Kernel: "6", CRIU: "4.2"}}
}

// add commits a snapshot of three files, 300 bytes together.
func add(t *testing.T, c *Catalog, image string) Record {
	t.Helper()
	dir, err := c.Stage()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"core-1.img", "pages-1.img", "sub/mm.img"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat(image[:1], 100)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := c.Commit(t.Context(), dir, Record{Key: key(image), Function: "fn", State: Ready})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCommitFindVerify(t *testing.T) {
	c := open(t, 0)
	r := add(t, c, "a")
	got, err := c.Get(key("a").Digest())
	if err != nil || got.ID != r.ID || len(got.Files) != 3 || got.Bytes != 300 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, force := range []bool{false, false, true} {
		if err := c.Verify(t.Context(), got, force); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Get(key("b").Digest()); !errdefs.IsNotFound(err) {
		t.Errorf("another key: %v", err)
	}
	if _, err := c.Get(r.ID[:6]); err != nil {
		t.Errorf("by its beginning: %v", err)
	}
	if _, err := c.Get("../" + r.ID); !errdefs.IsInvalidArgument(err) {
		t.Errorf("a path as id: %v", err)
	}
}

// TestEveryDamageIsFound does to each file what disks and people do, after a verification that would be remembered.
func TestEveryDamageIsFound(t *testing.T) {
	damage := map[string]func(path string) error{
		"bit flipped": func(p string) error {
			b, err := os.ReadFile(p)
			b[50] ^= 4
			return errors.Join(err, os.WriteFile(p, b, 0o600))
		},
		"truncated":      func(p string) error { return os.Truncate(p, 99) },
		"emptied":        func(p string) error { return os.Truncate(p, 0) },
		"missing":        os.Remove,
		"linked":         func(p string) error { return errors.Join(os.Rename(p, p+"~"), os.Symlink(p+"~", p)) },
		"another's":      func(p string) error { return os.Chmod(p, 0o666) },
		"one file added": func(p string) error { return os.WriteFile(p+".extra", nil, 0o600) },
	}
	for name, do := range damage {
		for _, file := range []string{"core-1.img", "pages-1.img", "sub/mm.img"} {
			t.Run(name+" "+filepath.Base(file), func(t *testing.T) {
				c := open(t, 0)
				r := add(t, c, "a")
				if err := c.Verify(t.Context(), r, false); err != nil {
					t.Fatal(err)
				}
				if err := do(filepath.Join(r.Dir, file)); err != nil {
					t.Fatal(err)
				}
				var d *snapshotter.DamageError
				if err := c.Verify(t.Context(), r, false); !errors.As(err, &d) || !errdefs.IsDataLoss(err) {
					t.Errorf("verify: %v", err)
				}
			})
		}
	}
}

func TestQuarantineKeepsTheReason(t *testing.T) {
	c := open(t, 0)
	r := add(t, c, "a")
	if err := c.Quarantine(r.ID, "pages-1.img: bad digest"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(key("a").Digest()); !errdefs.IsNotFound(err) {
		t.Errorf("still found: %v", err)
	}
	q, err := c.Quarantined()
	if err != nil || len(q) != 1 || q[0].State != Quarantined || !strings.Contains(q[0].Reason, "bad digest") {
		t.Errorf("%+v, %v", q, err)
	}
	add(t, c, "a")
	if all, err := c.List(); err != nil || len(all) != 1 {
		t.Errorf("made anew: %v, %v", all, err)
	}
}

func TestRecordsAreUntrusted(t *testing.T) {
	for name, edit := range map[string][2]string{
		"not JSON":      {"{", "["},
		"another's key": {`"image": "a"`, `"image": "b"`},
		"path outside":  {`"sub/mm.img"`, `"../../mm.img"`},
		"unknown state": {`"ready"`, `"reedy"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, 0)
			r := add(t, c, "a")
			path := filepath.Join(filepath.Dir(r.Dir), recordFile)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(b), edit[0], edit[1], 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			if all, err := c.List(); err != nil || len(all) != 0 {
				t.Errorf("listed %v, %v", all, err)
			}
			if q, err := c.Quarantined(); err != nil || len(q) != 1 {
				t.Errorf("quarantined %v, %v", q, err)
			}
		})
	}
}

func TestBudgetEvictsTheLeastRecentlyUsed(t *testing.T) {
	c := open(t, 700)
	a, b := add(t, c, "a"), add(t, c, "b")
	if err := c.Used(a.ID); err != nil {
		t.Fatal(err)
	}
	add(t, c, "c")
	if _, err := c.Get(b.ID); !errdefs.IsNotFound(err) {
		t.Errorf("b should have gone: %v", err)
	}
	if _, err := c.Get(a.ID); err != nil {
		t.Errorf("a should have stayed: %v", err)
	}
}

// TestARecordIsAFile puts in a record's place what must not be followed, or would never end.
func TestARecordIsAFile(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"link":     func(p string) error { return errors.Join(os.Rename(p, p+"~"), os.Symlink(p+"~", p)) },
		"pipe":     func(p string) error { return errors.Join(os.Remove(p), unix.Mkfifo(p, 0o600)) },
		"folder":   func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) },
		"too long": func(p string) error { return os.Truncate(p, maxRecord+1) },
		"open":     func(p string) error { return os.Chmod(p, 0o606) },
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, 0)
			r := add(t, c, "a")
			if err := put(filepath.Join(filepath.Dir(r.Dir), recordFile)); err != nil {
				t.Fatal(err)
			}
			if all, err := c.List(); err != nil || len(all) != 0 {
				t.Errorf("listed %v, %v", all, err)
			}
			if q, err := c.Quarantined(); err != nil || len(q) != 1 || q[0].Reason == "" {
				t.Errorf("quarantined %v, %v", q, err)
			}
		})
	}
}

// TestBudgetCountsWhatWasMovedAside: that goes first.
func TestBudgetCountsWhatWasMovedAside(t *testing.T) {
	c := open(t, 700)
	a, b := add(t, c, "a"), add(t, c, "b")
	if err := c.Quarantine(a.ID, "why"); err != nil {
		t.Fatal(err)
	}
	add(t, c, "c")
	if q, err := c.Quarantined(); err != nil || len(q) != 0 {
		t.Errorf("still there: %v, %v", q, err)
	}
	if _, err := c.Get(b.ID); err != nil {
		t.Errorf("b should have stayed: %v", err)
	}
}

func TestLargerThanTheBudgetIsRefused(t *testing.T) {
	c := open(t, 10)
	dir, err := c.Stage()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pages-1.img"), make([]byte, 11), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(t.Context(), dir, Record{Key: key("a"), State: Ready}); !errdefs.IsResourceExhausted(err) {
		t.Errorf("commit: %v", err)
	}
}

func TestHalfMadeGoesAtOpen(t *testing.T) {
	c := open(t, 0)
	if _, err := c.Stage(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(c.opts); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.opts.Dir, "tmp-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"id":"x","files":[{"path":"../x"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, recordFile), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := readRecord(dir); err == nil && r.ID != filepath.Base(dir) {
			t.Errorf("accepted %+v", r)
		}
	})
}
