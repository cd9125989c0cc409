package jobs

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// TestWhatACrashLeftOfUploadsGoes: bytes that had come, a record that was being written, a file without its record. What is still on
// its way, and an upload that is whole, stay.
func TestWhatACrashLeftOfUploadsGoes(t *testing.T) {
	out, err := openOutputs(t.TempDir(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ups, err := openUploads(out)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	s := &Service{uploads: ups, out: out, clock: func() time.Time { return now }}
	whole := newID()
	at := func(id string) string { return filepath.Join(ups.dir, partialDir, id) }
	if err := os.WriteFile(at(whole), []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ups.keep(at(whole), Upload{ID: whole, Size: 4, Expires: now.Add(24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	old, young := now.Add(-halfMade-time.Minute), now.Add(-halfMade/2)
	left := map[string]bool{filepath.Join(ups.dir, whole): true, filepath.Join(ups.dir, whole+metaTail): true}
	for _, age := range []time.Time{old, young} {
		for _, path := range []string{at(newID()), filepath.Join(ups.dir, newID()), filepath.Join(ups.dir, atomicfile.Prefix+newID()+metaTail+"-1"+atomicfile.Suffix)} {
			if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, age, age); err != nil {
				t.Fatal(err)
			}
			left[path] = age.Equal(young)
		}
	}
	if err := s.expireUploads(); err != nil {
		t.Fatal(err)
	}
	for path, want := range left {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, should stay: %t", filepath.Base(path), err, want)
		}
	}
	if u, err := ups.get(whole); err != nil || u.Size != 4 {
		t.Errorf("%+v %v", u, err)
	}
}
