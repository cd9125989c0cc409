package keys

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/auth"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t *testing.T, s *Store, w Wish) (Record, string) {
	t.Helper()
	r, secret, err := s.Create(w)
	if err != nil {
		t.Fatal(err)
	}
	return r, secret
}

func refused(err error) bool {
	var r *auth.Refused
	return errors.As(err, &r)
}

func TestAKeysLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	s := open(t, path)
	if s.Any() {
		t.Fatal("a file that is not there has keys")
	}
	r, secret := create(t, s, Wish{Name: "alice", Scopes: auth.Submit | auth.Read})
	if !strings.HasPrefix(secret, Prefix+r.ID+"_") || !s.Any() {
		t.Fatalf("%+v %s", r, secret)
	}
	p, err := s.Check(secret)
	if err != nil || p.Name != "alice" || p.Scopes != auth.Submit|auth.Read || p.Client() != "alice" || p.Kind != auth.ByKey {
		t.Fatalf("%+v, %v", p, err)
	}
	b, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(b), secret) || strings.Contains(string(b), secret[len(secret)-43:]) {
		t.Errorf("the file holds the key: %s, %v", b, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if all, err := s.List(); err != nil || len(all) != 1 || all[0].Hash != "" || all[0].State(time.Now()) != "good" {
		t.Errorf("%+v, %v", all, err)
	}
	if _, _, err := s.Revoke("alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(secret); !refused(err) || s.Good(r.ID) || !s.Any() {
		t.Errorf("a revoked key: %v; a server whose last key is revoked must go on asking: %v", err, s.Any())
	}
	if _, _, err := s.Revoke(r.ID); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("revoked twice: %v", err)
	}
	if _, _, err := s.Revoke("bob"); !errdefs.IsNotFound(err) {
		t.Errorf("%v", err)
	}
}

func TestWrongKeys(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "keys.json"))
	r, secret := create(t, s, Wish{Name: "alice", Scopes: auth.Manage})
	_, other := create(t, s, Wish{Name: "bob", Scopes: auth.Manage})
	tail := other[len(Prefix)+len(r.ID):]
	for _, wrong := range []string{
		"", Prefix, secret[:len(secret)-1], secret + "A", secret + " ", strings.ToUpper(secret), secret[len(Prefix):], Prefix + r.ID, Prefix + r.ID + "_", Prefix + r.ID + tail,
		"vdx_aaaaaaaa_" + strings.Repeat("A", 43), secret[:len(secret)-2] + "--", strings.Replace(secret, Prefix, "VDX_", 1), "\x00" + secret,
	} {
		if p, err := s.Check(wrong); !refused(err) {
			t.Errorf("%q is %+v, %v", wrong, p, err)
		}
	}
}

func TestAKeyExpires(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "keys.json"))
	now := time.Now()
	s.now = func() time.Time { return now }
	r, secret := create(t, s, Wish{Name: "alice", Scopes: auth.Read, Expires: time.Hour})
	now = now.Add(59 * time.Minute)
	if _, err := s.Check(secret); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Minute)
	if _, err := s.Check(secret); !refused(err) || s.Good(r.ID) {
		t.Errorf("%v", err)
	}
}

func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	server, now := open(t, path), time.Now()
	server.now = func() time.Time { return now }
	_, secret := create(t, open(t, path), Wish{Name: "alice", Scopes: auth.Read})
	now = now.Add(fresh)
	if _, err := server.Check(secret); err != nil {
		t.Fatalf("a key that another process made: %v", err)
	}
	if _, _, err := open(t, path).Revoke("alice"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(fresh)
	if _, err := server.Check(secret); !refused(err) {
		t.Errorf("a key that another process revoked: %v", err)
	}
}

func TestManyAtOnceLoseNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	var all sync.WaitGroup
	for range 4 {
		s := open(t, path)
		for range 5 {
			all.Go(func() {
				if _, _, err := s.Create(Wish{Name: "x", Scopes: auth.Read}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	if keys, err := open(t, path).List(); err != nil || len(keys) != 20 {
		t.Errorf("%d, %v", len(keys), err)
	}
}

// A file that cannot be read opens nothing.
func TestADamagedFileClosesTheServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	s, now := open(t, path), time.Now()
	s.now = func() time.Time { return now }
	_, secret := create(t, s, Wish{Name: "alice", Scopes: auth.Read})
	whole, _ := os.ReadFile(path)
	for name, damage := range map[string]func() error{
		"cut off": func() error { return os.WriteFile(path, whole[:len(whole)/2], 0o600) },
		"gone":    func() error { return os.Remove(path) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		now = now.Add(fresh)
		if _, err := s.Check(secret); !refused(err) || !s.Any() {
			t.Errorf("%s: %v, asks: %v", name, err, s.Any())
		}
		if _, _, err := s.Create(Wish{Name: "mallory", Scopes: auth.Manage}); err == nil {
			t.Errorf("%s: a key was made on top of it", name)
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		now = now.Add(fresh)
		if _, err := s.Check(secret); err != nil {
			t.Errorf("%s, and back: %v", name, err)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errdefs.IsDataLoss(err) {
		t.Errorf("a server starts over a damaged file: %v", err)
	}
}

func TestWishes(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "keys.json"))
	for _, w := range []Wish{{Name: "a"}, {Scopes: auth.Read}, {Name: "a b", Scopes: auth.Read}, {Name: "-a", Scopes: auth.Read}, {Name: strings.Repeat("a", 65), Scopes: auth.Read},
		{Name: "token:alice", Scopes: auth.Read}, {Name: "a", Scopes: auth.Read, Expires: -1}} {
		if _, _, err := s.Create(w); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%+v: %v", w, err)
		}
	}
}
