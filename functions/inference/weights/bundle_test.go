package weights

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

func sealed(t *testing.T) (dir string, o VerifyOptions) {
	t.Helper()
	dir = t.TempDir()
	put(t, dir, "graphs/net.onnx", "graph")
	put(t, dir, "net.data", strings.Repeat("w", 5000))
	m := Manifest{Family: "f", Name: "n", Configs: map[string]json.RawMessage{"net": json.RawMessage(`{ "a" : "<b>" }`)}}
	if _, err := Seal(context.Background(), dir, m, nil); err != nil {
		t.Fatal(err)
	}
	return dir, VerifyOptions{RecordDir: t.TempDir()}
}

func open(t *testing.T, dir string, o VerifyOptions) *Bundle {
	t.Helper()
	b, err := OpenBundle(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestLengthOfAManifest is known before anything is hashed.
func TestLengthOfAManifest(t *testing.T) {
	dir, _ := sealed(t)
	st, err := os.Stat(filepath.Join(dir, ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	m, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	m = Manifest{Family: m.Family, Name: m.Name, Configs: m.Configs, Files: m.Files}
	for i := range m.Files {
		m.Files[i].Digest = ""
	}
	if n := m.Length(); n != st.Size() {
		t.Errorf("%d bytes, the file has %d", n, st.Size())
	}
}

// TestABundleOfOtherThanFiles: what is no regular file is refused at once, and not waited for.
func TestABundleOfOtherThanFiles(t *testing.T) {
	dir, o := sealed(t)
	path := filepath.Join(dir, "net.data")
	if err := errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBundle(context.Background(), dir, o); err == nil || !strings.Contains(err.Error(), "it is a FIFO") {
		t.Errorf("a FIFO in a file's place: %v", err)
	}
}

// TestABundleOfLinks: where the links lead is not there in an instance, which mounts the bundle's folder.
func TestABundleOfLinks(t *testing.T) {
	for why, link := range map[string]func(dir, away string) error{
		"net.data: it is a symbolic link": func(dir, away string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "net.data"), away), os.Symlink(away, filepath.Join(dir, "net.data")))
		},
		"graphs/net.onnx": func(dir, away string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "graphs"), away), os.Symlink(away, filepath.Join(dir, "graphs")))
		},
	} {
		dir, o := sealed(t)
		open(t, dir, o) // also what was right before
		if err := link(dir, filepath.Join(t.TempDir(), "away")); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenBundle(context.Background(), dir, o); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("want %q, got %v", why, err)
		}
	}
	dir, o := sealed(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	open(t, link, o)
}

func TestBundleIsHashedOnce(t *testing.T) {
	dir, o := sealed(t)
	if b := open(t, dir, o); !b.Hashed || b.Unrecorded != nil || len(b.Files) != 2 {
		t.Errorf("the first opening gives %+v", b)
	}
	b := open(t, dir, o)
	if b.Hashed {
		t.Error("a recorded bundle is hashed again")
	}
	if b := open(t, dir, VerifyOptions{RecordDir: t.TempDir(), Known: b.Fingerprint}); b.Hashed {
		t.Error("a known bundle is hashed again")
	}
	if b := open(t, dir, VerifyOptions{RecordDir: o.RecordDir, Full: true}); !b.Hashed {
		t.Error("Full does not hash")
	}
	put(t, dir, "net.data", strings.Repeat("w", 5000))
	if b := open(t, dir, o); !b.Hashed {
		t.Error("a file that was written to is not hashed again")
	}
	if p, err := b.Path("graphs/net.onnx"); err != nil || p != filepath.Join(dir, "graphs/net.onnx") {
		t.Errorf("%s, %v", p, err)
	}
	if _, err := b.Path("other"); !errdefs.IsNotFound(err) {
		t.Errorf("a file that is not listed: %v", err)
	}
}

func TestSealIsReproducible(t *testing.T) {
	a, _ := sealed(t)
	b, _ := sealed(t)
	x, _ := os.ReadFile(filepath.Join(a, ManifestName))
	y, _ := os.ReadFile(filepath.Join(b, ManifestName))
	if len(x) == 0 || string(x) != string(y) {
		t.Errorf("same files, different manifests:\n%s\n%s", x, y)
	}
}

func TestUnrecordedIsNoFailure(t *testing.T) {
	dir, _ := sealed(t)
	put(t, dir, "../file", "")
	if b := open(t, dir, VerifyOptions{RecordDir: filepath.Join(dir, "../file/sub")}); b.Unrecorded == nil {
		t.Error("a record in an impossible place is reported as made")
	}
}

func TestDamagedBundlesAreNamed(t *testing.T) {
	for why, harm := range map[string]func(dir string){
		"net.data is damaged: expected sha256:":                     func(d string) { put(t, d, "net.data", strings.Repeat("w", 4999)+"v") },
		"net.data is damaged: expected 5000 bytes":                  func(d string) { os.Truncate(filepath.Join(d, "net.data"), 4000) },
		"net.data is missing from its bundle (file does not exist)": func(d string) { os.Remove(filepath.Join(d, "net.data")) },
		"; build or pull it again":                                  func(d string) { os.Remove(filepath.Join(d, "net.data")) },
		"bundle.json: not valid JSON":                               func(d string) { os.Truncate(filepath.Join(d, ManifestName), 40) },
		"bundle.json is damaged: expected sha256:":                  func(d string) { edit(t, d, `"name": "n"`, `"name": "m"`) },
		"format version 9":                                          func(d string) { edit(t, d, `"version": 2`, `"version": 9`) },
		"is no bundle (`videosdgx models build` makes one)":         func(d string) { os.Remove(filepath.Join(d, ManifestName)) },
		`format is "other", not`:                                    func(d string) { edit(t, d, bundleFormat, "other") },
	} {
		dir, o := sealed(t)
		open(t, dir, o) // recorded: the damage must be seen nevertheless
		harm(dir)
		_, err := OpenBundle(context.Background(), dir, o)
		if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), dir) {
			t.Errorf("want %q, got %v", why, err)
		}
	}
}

func edit(t *testing.T, dir, old, new string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if err != nil || !strings.Contains(string(raw), old) {
		t.Fatalf("no %s to edit (%v)", old, err)
	}
	put(t, dir, ManifestName, strings.Replace(string(raw), old, new, 1))
}

func TestVerifyStopsWhenCancelled(t *testing.T) {
	dir, o := sealed(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	cancel(why)
	if _, err := OpenBundle(ctx, dir, o); !errors.Is(err, why) {
		t.Errorf("cancelled, got %v", err)
	}
}

// TestManifestsThatLieAreRefused have the right digest of themselves.
func TestManifestsThatLieAreRefused(t *testing.T) {
	for why, lie := range map[string]func(m *Manifest){
		"is no file of a bundle":                      func(m *Manifest) { m.Files[0].Path = "../net.data" },
		`"." is no file`:                              func(m *Manifest) { m.Files[0].Path = "." },
		`"a\x00b" is no file`:                         func(m *Manifest) { m.Files[0].Path = "a\x00b" },
		`net.onnx" is no file`:                        func(m *Manifest) { m.Files[0].Size = -1 },
		"is listed twice":                             func(m *Manifest) { m.Files = append(m.Files, m.Files[0]) },
		"larger than any file":                        func(m *Manifest) { m.Files[0].Size, m.Files[1].Size = math.MaxInt64, 1 },
		`-1 bytes cannot be what a clip holds of "h"`: func(m *Manifest) { m.Held = []Held{{"h", -1}} },
		`bytes cannot be what a clip holds of "k"`:    func(m *Manifest) { m.Held = []Held{{"h", math.MaxInt64}, {"k", 1}} },
		"is damaged: expected 1":                      func(m *Manifest) { m.Files[0].Size += 1e18 }, // what quotas count is what lies there
		"bundle.json: longer":                         func(m *Manifest) { m.Source = map[string]string{"of": strings.Repeat("x", mostManifest)} },
	} {
		dir, o := sealed(t)
		m, err := ReadManifest(dir)
		if err != nil {
			t.Fatal(err)
		}
		lie(&m)
		m.Digest = m.digest()
		if err := m.write(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenBundle(context.Background(), dir, o); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("want %q, got %.300v", why, err)
		}
	}
}

// TestAManifestThatIsNoFile is not waited for, and no device is read.
func TestAManifestThatIsNoFile(t *testing.T) {
	for why, put := range map[string]func(path string) error{
		"it is a FIFO":   func(p string) error { return unix.Mkfifo(p, 0o600) },
		"it is a folder": func(p string) error { return os.Mkdir(p, 0o700) },
		"it is a device": func(p string) error { return os.Symlink("/dev/zero", p) },
	} {
		dir, o := sealed(t)
		path := filepath.Join(dir, ManifestName)
		if err := errors.Join(os.Remove(path), put(path)); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenBundle(context.Background(), dir, o); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("want %q, got %v", why, err)
		}
	}
}

// FuzzManifest gives every manifest the right digest, for whoever makes a hostile one does.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"format":"videosdgx-bundle","version":1,"files":[{"path":"a","size":1,"digest":"sha256:0"}],"digest":""}`))
	f.Add([]byte(`{"format":"videosdgx-bundle","version":2,"configs":{"c":{}},"held":[{"name":"h","bytes":-1}],"files":[{"path":"a/../b","size":9223372036854775807},{"path":"c","size":1}]}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(dir, fmt.Sprint(os.Getpid()))
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		var m Manifest
		if json.Unmarshal(raw, &m) == nil {
			if m.Digest = m.digest(); m.Digest != "" {
				var again bytes.Buffer
				if err := m.encode(&again); err != nil {
					t.Fatal(err)
				}
				raw = again.Bytes()
			}
		}
		if err := os.WriteFile(filepath.Join(path, ManifestName), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := ReadManifest(path)
		if err != nil {
			return
		}
		held := int64(0)
		for _, h := range m.Held {
			held = min(held, h.Bytes, held+h.Bytes)
		}
		if m.digest() != m.Digest || m.Bytes() < 0 || held < 0 {
			t.Fatalf("accepted: %+v", m)
		}
		for _, f := range m.Files {
			if !strings.HasPrefix(filepath.Join(path, f.Path), path+"/") {
				t.Fatalf("a file outside: %q", f.Path)
			}
		}
	})
}
