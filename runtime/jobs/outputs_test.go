package jobs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSaveFailsWhole makes each file step fail in turn: neither a final nor a partial file may remain.
func TestSaveFailsWhole(t *testing.T) {
	for _, step := range []string{"create", "write", "sync", "rename", "syncdir"} {
		t.Run(step, func(t *testing.T) {
			boom, dir := errors.New("boom"), t.TempDir()
			o, err := openOutputs(dir, func(s string) error {
				if s == step {
					return boom
				}
				return nil
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.save(context.Background(), fileName(newID(), 1, "", "video/mp4"), "video/mp4", strings.NewReader("clip")); !errors.Is(err, boom) {
				t.Fatal(err)
			}
			for _, d := range []string{dir, filepath.Join(dir, partialDir)} {
				if all, _ := filepath.Glob(filepath.Join(d, "*.mp4")); len(all) > 0 {
					t.Errorf("left behind: %v", all)
				}
			}
		})
	}
}

func TestSave(t *testing.T) {
	o, err := openOutputs(t.TempDir(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := o.save(context.Background(), fileName(newID(), 7, "", "video/mp4"), "video/mp4", strings.NewReader("clip"))
	if err != nil || r.Size != 4 || r.SHA256 != "67905ad3cc2dd52b1f5f6a6d2814de0396618b29b4238b9af5207aeb69936e6d" {
		t.Fatalf("%+v, %v", r, err)
	}
	if b, err := os.ReadFile(filepath.Join(o.dir, r.File)); err != nil || string(b) != "clip" {
		t.Fatalf("%q, %v", b, err)
	}
	for _, name := range []string{"../../etc/passwd", "/etc/passwd", "", "x.mp4", r.File + "/.."} {
		if f, err := o.open(Result{File: name}); err == nil {
			f.Close()
			t.Errorf("%q was opened", name)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("0194f0a0-0000-7000-8000-000000000000.3.mp4")
	f.Add("../x.1.mp4")
	f.Add("0194f0a0-0000-7000-8000-000000000000.99999999999999999999.mp4")
	f.Fuzz(func(t *testing.T, name string) {
		id, token, ok := parseName(name)
		if ok && (strings.ContainsAny(name, "/\\\x00") || !strings.HasPrefix(name, id+".") || token < 0) {
			t.Fatalf("%q gave %q, %d", name, id, token)
		}
	})
}
