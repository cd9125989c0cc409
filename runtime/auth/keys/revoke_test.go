package keys

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth"
)

// fullDisk is a folder on a file system without a free block, once fill has been called.
func fullDisk(t *testing.T) (dir string, fill func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("VIDEOSDGX_TEST_CONTAINERD") == "1" {
			t.Fatal("a small disk needs root to mount")
		}
		t.Skip("a small disk needs root to mount: a really full disk was NOT tested")
	}
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, func() {
		f, err := os.Create(filepath.Join(dir, "fill"))
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = f.Write(make([]byte, 512))
		}
		if !errors.Is(err, syscall.ENOSPC) || f.Close() != nil {
			t.Fatal(err)
		}
	}
}

// TestRevokingOnAFullDisk: the file says so at once, also to who reads it anew, and once more after that; nothing can be made.
func TestRevokingOnAFullDisk(t *testing.T) {
	dir, fill := fullDisk(t)
	path := filepath.Join(dir, "keys.json")
	s := open(t, path)
	_, a := create(t, s, Wish{Name: "alice", Scopes: auth.Read})
	_, b := create(t, s, Wish{Name: "bob", Scopes: auth.Read})
	for range 40 {
		create(t, s, Wish{Name: "many", Scopes: auth.Read})
	}
	fill()
	if _, _, err := s.Create(Wish{Name: "carol", Scopes: auth.Read}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("a key is made on a full disk: %v", err)
	}
	for _, which := range []string{"alice", "many", "bob"} {
		if _, warning, err := s.Revoke(which); err != nil || warning != "" {
			t.Fatalf("%s: %q, %v", which, warning, err)
		}
	}
	for _, s := range []*Store{s, open(t, path)} {
		for _, secret := range []string{a, b} {
			if _, err := s.Check(secret); !refused(err) {
				t.Errorf("a revoked key is taken: %v", err)
			}
		}
		if all, err := s.List(); err != nil || len(all) != 42 {
			t.Errorf("%d keys are left, %v", len(all), err)
		}
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
}

// TestARevocationThatCannotBeWritten holds in the process at once, over others' changes, and is written as soon as that can be done.
func TestARevocationThatCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	s := open(t, path)
	r, secret := create(t, s, Wish{Name: "alice", Scopes: auth.Read})
	var broken atomic.Bool
	broken.Store(true)
	tried := make(chan struct{}, 1000)
	s.again = time.Millisecond
	s.save = func(b []byte, spare bool) error {
		defer func() { tried <- struct{}{} }()
		if broken.Load() {
			return syscall.EIO
		}
		return s.write(b, spare)
	}
	if _, _, err := s.Revoke("alice"); !errors.Is(err, syscall.EIO) {
		t.Fatalf("of one that does not insist: %v", err)
	}
	if _, err := s.Check(secret); err != nil {
		t.Fatal("it is revoked, though that failed")
	}
	var log strings.Builder
	s.Insist(slog.New(slog.NewTextHandler(&log, nil)))
	ended, warning, err := s.Revoke("alice")
	if err != nil || len(ended) != 1 || ended[0].Hash != "" || !strings.Contains(warning, "written down") {
		t.Fatalf("%+v, %q, %v", ended, warning, err)
	}
	if _, _, err := open(t, path).Create(Wish{Name: "bob", Scopes: auth.Read}); err != nil { // another process, on a disk that works
		t.Fatal(err)
	}
	s.look(true)
	if _, err := s.Check(secret); !refused(err) || s.Good(r.ID) {
		t.Errorf("it is taken: %v", err)
	}
	if all, _ := s.List(); len(all) != 2 || all[0].State(time.Now()) != "revoked" {
		t.Errorf("%+v", all)
	}
	for range 3 {
		<-tried
	}
	broken.Store(false)
	for range 1000 {
		<-tried
		if other := open(t, path); !other.Good(r.ID) {
			if all, _ := other.List(); len(all) != 2 {
				t.Errorf("%+v", all)
			}
			return
		}
	}
	t.Error("it is never written down")
}
