package daemon

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// harms are what disks and people do to files.
var harms = []struct {
	name string
	do   func(path string) error
}{
	{"bit flipped", flip},
	{"truncated", func(path string) error {
		st, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.Truncate(path, st.Size()/2)
	}},
	{"missing", os.Remove},
}

func flip(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[len(b)/2] ^= 0x10
	return os.WriteFile(path, b, 0o600)
}

// TestDamagedFiles does each harm to each file of a snapshot: the next event is answered, by a plain start, and the
// snapshot is set aside. Each harm has a function of its own, which differs by its name alone, with a copy of the one
// snapshot that is really made; one more is left whole, to see that the copies would serve.
func TestDamagedFiles(t *testing.T) {
	w := newWorld(t)
	original := w.function
	w.deploy("")
	made := w.snapshot()
	type victim struct {
		function, file, id string
		do                 func(string) error
	}
	victims := []victim{{function: original + "-whole"}}
	for _, f := range made.Files {
		for i, h := range harms {
			victims = append(victims, victim{function: fmt.Sprintf("%s-%d-%s", original, i, strings.NewReplacer(".", "-", "/", "-").Replace(f.Path)), file: f.Path, do: h.do})
		}
	}
	for i := range victims {
		w.function = victims[i].function
		w.deploy("")
		victims[i].id = w.clone(made)
	}
	w.restart()
	for _, v := range victims {
		w.function = v.function
		if v.do == nil {
			if by := w.answers(`"whole"`); by != "snapshot" {
				t.Fatalf("a copy of the snapshot does not serve: started by %q", by)
			}
			w.cold()
			continue
		}
		must(t, v.do(filepath.Join(w.data, "snapshots", v.id, "images", v.file)))
		if by := w.answers(`"harmed"`); by != "plain" {
			t.Errorf("%s: started by %q", v.function, by)
		}
		if reason := w.quarantined(v.id); !strings.Contains(reason, v.file) {
			t.Errorf("%s: quarantined for %q", v.function, reason)
		}
		w.cold()
	}
}

// TestDamagedRecord harms what says which files there are: nothing may come of it but a plain start.
func TestDamagedRecord(t *testing.T) {
	for _, h := range harms {
		t.Run(h.name, func(t *testing.T) {
			w := newWorld(t)
			w.deploy("")
			made := w.snapshot()
			record := filepath.Join(w.data, "snapshots", made.ID, "record.json")
			must(t, h.do(record))
			if by := w.answers(`"harmed"`); by == "" {
				t.Error("no instance")
			}
			w.cold()
			w.restart()
			if by := w.answers(`"harmed and started again"`); by != "plain" {
				t.Errorf("started by %q", by)
			}
			w.cold()
		})
	}
}

// clone gives the world's function a copy of another's snapshot, of which all files but the one for harm could be links:
// copies keep it simple. The next control plane finds it.
func (w *world) clone(made catalog.Record) (id string) {
	w.t.Helper()
	var s spec.FunctionStatus
	if code, body := w.call(http.MethodGet, "/api/v1/functions/"+w.function, "", &s); code != http.StatusOK {
		w.t.Fatalf("function: %d %s", code, body)
	}
	c := made
	c.Function, c.Key.Config = w.function, s.Function.Digest
	c.ID = c.Key.Digest()
	dir := filepath.Join(w.data, "snapshots", c.ID)
	must(w.t, os.Mkdir(dir, 0o700))
	must(w.t, os.CopyFS(filepath.Join(dir, "images"), os.DirFS(filepath.Join(w.data, "snapshots", made.ID, "images"))))
	b, err := json.Marshal(c)
	must(w.t, err)
	must(w.t, os.WriteFile(filepath.Join(dir, "record.json"), b, 0o600))
	return c.ID
}
