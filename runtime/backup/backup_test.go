package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
)

// world is a folder of files to back up.
func world(t *testing.T) (dir string, sources []Source) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{"data/jobs.db": strings.Repeat("job ", 1000), "data/keys.json": "{}", "data/registry/a/1.json": "one", "data/registry/a/2.json": "one", "outputs/x.mp4": strings.Repeat("clip", 9999), "outputs/.partial/y": "half"} {
		put(t, filepath.Join(dir, name), text)
	}
	if err := errors.Join(os.Chmod(filepath.Join(dir, "data/keys.json"), 0o600), os.Symlink("1.json", filepath.Join(dir, "data/registry/a/latest")), os.Mkdir(filepath.Join(dir, "data/empty"), 0o750)); err != nil {
		t.Fatal(err)
	}
	skip := func(rel string, _ fs.DirEntry) bool { return strings.HasPrefix(rel, ".partial") }
	return dir, []Source{{Name: "data", Path: filepath.Join(dir, "data")}, {Name: "outputs", Path: filepath.Join(dir, "outputs"), Skip: skip}, {Name: "gone", Path: filepath.Join(dir, "nowhere")}}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// contents is a folder's files with what is in them.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, at)
		st, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			all[rel] = "folder"
		case st.Mode().Type() == fs.ModeSymlink:
			all[rel], err = os.Readlink(at)
		default:
			var b []byte
			b, err = os.ReadFile(at)
			all[rel] = fmt.Sprintf("%v %d %s", st.Mode(), st.ModTime().UnixNano(), b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func open(t *testing.T, dir string, o Options) *Repo {
	t.Helper()
	r, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func places(to string) []Place {
	return []Place{{"outputs", filepath.Join(to, "outputs")}, {"data", to}}
}

// restored is what a backup gives in an empty folder, in the form of the world it came from.
func restored(t *testing.T, r *Repo, b Backup) map[string]string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "new")
	if err := r.Restore(t.Context(), b, to, places(to)); err != nil {
		t.Fatal(err)
	}
	return contents(t, to)
}

// wanted is what a restore should give.
func wanted(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := contents(t, filepath.Join(dir, "data"))
	for name, c := range contents(t, filepath.Join(dir, "outputs")) {
		if !strings.HasPrefix(name, ".partial") {
			all[filepath.Join("outputs", name)] = c
		}
	}
	return all
}

func TestThereAndBack(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{"plain": {}, "encrypted": {Recipients: []age.Recipient{identity.Recipient()}, Identities: []age.Identity{identity}}} {
		dir, sources := world(t)
		repo := filepath.Join(t.TempDir(), "repo")
		r := open(t, repo, o)
		m, err := r.Create(t.Context(), Backup{Version: "1"}, sources)
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.Get("")
		if err != nil || b.ID != m.ID || b.Version != "1" {
			t.Fatalf("%s: %+v, %v", name, b, err)
		}
		if d := cmp.Diff(wanted(t, dir), restored(t, r, b)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if lost, err := r.Verify(t.Context(), b); err != nil || len(lost) > 0 {
			t.Errorf("%s: %v, %v", name, lost, err)
		}
		again, err := r.Create(t.Context(), Backup{}, sources)
		if err != nil || again.New != 0 || len(again.Files) != len(m.Files) {
			t.Errorf("%s: a backup of the same costs %d bytes, %v", name, again.New, err)
		}
		put(t, filepath.Join(dir, "outputs/z.mp4"), "new")
		if more, err := r.Create(t.Context(), Backup{}, sources); err != nil || more.New != 3 {
			t.Errorf("%s: a backup of three new bytes costs %d, %v", name, more.New, err)
		}
		if name == "encrypted" {
			for file, text := range contents(t, repo) {
				if strings.Contains(text, "clipclip") || strings.Contains(text, "keys.json") {
					t.Errorf("%s can be read", file)
				}
			}
			if _, err := open(t, repo, Options{}).Get(""); !errdefs.IsFailedPrecondition(err) {
				t.Errorf("without the identity: %v", err)
			}
		}
	}
}

// killed runs f again and again, with an end at the first, second, … step of a kind, until it comes through.
func killed(t *testing.T, f func(step func(string) error) error) (kills int) {
	t.Helper()
	errKill := errors.New("killed")
	for at := 0; at < 1000; at++ {
		n := 0
		err := f(func(string) error {
			if n++; n > at {
				return errKill
			}
			return nil
		})
		if err == nil {
			return at
		}
		if !errors.Is(err, errKill) {
			t.Fatal(err)
		}
	}
	t.Fatal("it never comes through")
	return 0
}

// TestAKillLosesNothing ends a backup, and then a restore, at every step that they have.
func TestAKillLosesNothing(t *testing.T) {
	dir, sources := world(t)
	repo := filepath.Join(t.TempDir(), "repo")
	first, err := open(t, repo, Options{}).Create(t.Context(), Backup{}, sources)
	if err != nil {
		t.Fatal(err)
	}
	before := wanted(t, dir)
	put(t, filepath.Join(dir, "data/jobs.db"), "other jobs")
	put(t, filepath.Join(dir, "outputs/z.mp4"), "new")
	kills := killed(t, func(step func(string) error) error {
		r := open(t, repo, Options{Step: step})
		_, err := r.Create(t.Context(), Backup{}, sources)
		whole := open(t, repo, Options{})
		b, gerr := whole.Get(first.ID)
		lost, verr := whole.Verify(t.Context(), b)
		if gerr != nil || verr != nil || len(lost) > 0 {
			t.Fatalf("the backup before: %v, %v, %v", gerr, lost, verr)
		}
		return err
	})
	if kills < 5 {
		t.Errorf("only %d steps", kills)
	}
	r := open(t, repo, Options{})
	b, err := r.Get("")
	if err != nil || b.ID == first.ID {
		t.Fatalf("%v", err)
	}
	if d := cmp.Diff(before, restored(t, r, first.Backup)); d != "" {
		t.Error(d)
	}
	to := filepath.Join(t.TempDir(), "new")
	kills = killed(t, func(step func(string) error) error {
		err := open(t, repo, Options{Step: step}).Restore(t.Context(), b, to, places(to))
		if done := !Unfinished(to); done != (err == nil) {
			t.Fatalf("done %v with %v", done, err)
		}
		return err
	})
	if d := cmp.Diff(wanted(t, dir), contents(t, to)); d != "" || kills < 5 {
		t.Errorf("%d kills: %s", kills, d)
	}
}

func TestDamageIsTold(t *testing.T) {
	_, sources := world(t)
	repo := filepath.Join(t.TempDir(), "repo")
	r := open(t, repo, Options{})
	m, err := r.Create(t.Context(), Backup{}, sources)
	if err != nil {
		t.Fatal(err)
	}
	var clip File
	for _, f := range m.Files {
		if f.Name == "outputs/x.mp4" {
			clip = f
		}
	}
	path := r.object(clip.SHA256)
	put(t, path, "other")
	if lost, err := r.Verify(t.Context(), m.Backup); err != nil || len(lost) != 1 || lost[0] != clip.Name {
		t.Errorf("%v, %v", lost, err)
	}
	to := filepath.Join(t.TempDir(), "new")
	if err := r.Restore(t.Context(), m.Backup, to, places(to)); !errdefs.IsDataLoss(err) || !Unfinished(to) {
		t.Errorf("a damaged content is restored: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if lost, err := r.Verify(t.Context(), m.Backup); err != nil || len(lost) != 1 {
		t.Errorf("%v, %v", lost, err)
	}
	lists, _ := filepath.Glob(filepath.Join(repo, listDir, "*"))
	b, _ := os.ReadFile(lists[0])
	put(t, lists[0], strings.Replace(string(b), "outputs/x.mp4", "../../etc/cron", 1))
	if _, err := r.Get(""); !errdefs.IsDataLoss(err) {
		t.Errorf("a list that was changed: %v", err)
	}
}

func TestNothingIsWrittenOver(t *testing.T) {
	_, sources := world(t)
	r := open(t, filepath.Join(t.TempDir(), "repo"), Options{})
	m, err := r.Create(t.Context(), Backup{}, sources)
	if err != nil {
		t.Fatal(err)
	}
	used := t.TempDir()
	put(t, filepath.Join(used, "jobs.db"), "in use")
	if err := r.Restore(t.Context(), m.Backup, used, places(used)); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("%v", err)
	}
	if _, err := Open(used, Options{}); !errdefs.IsInvalidArgument(err) {
		t.Errorf("a folder of something else is a repository: %v", err)
	}
	if _, err := placed("data/../../x", []Place{{"data", used}}); !errdefs.IsDataLoss(err) {
		t.Errorf("%v", err)
	}
	other := t.TempDir()
	put(t, filepath.Join(other, "x.mp4"), "another clip")
	to := filepath.Join(t.TempDir(), "new")
	if err := r.Restore(t.Context(), m.Backup, to, []Place{{"outputs", other}, {"data", to}}); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("a clip is written over: %v", err)
	}
}

func TestPrune(t *testing.T) {
	dir, sources := world(t)
	now := time.Now()
	r := open(t, filepath.Join(t.TempDir(), "repo"), Options{Now: func() time.Time { return now }})
	for i := range 4 {
		now = now.Add(time.Minute)
		put(t, filepath.Join(dir, "data/jobs.db"), fmt.Sprint("jobs ", i))
		if _, err := r.Create(context.Background(), Backup{}, sources); err != nil {
			t.Fatal(err)
		}
	}
	gone, bytes, err := r.Prune(t.Context(), 2)
	if err != nil || gone != 2 || bytes == 0 {
		t.Errorf("%d, %d, %v", gone, bytes, err)
	}
	ids, _ := r.List()
	for _, id := range ids {
		b, err := r.Get(id)
		if lost, verr := r.Verify(t.Context(), b); err != nil || verr != nil || len(lost) > 0 {
			t.Errorf("%s: %v %v %v", id, err, lost, verr)
		}
	}
	if len(ids) != 2 {
		t.Errorf("%v", ids)
	}
}

// The latest is the one that was made last, also within a moment, and after the clock was set back.
func TestTheLatestIsTheLast(t *testing.T) {
	dir, sources := world(t)
	now := time.Now()
	r := open(t, filepath.Join(t.TempDir(), "repo"), Options{Now: func() time.Time { return now }})
	for i := range 20 {
		put(t, filepath.Join(dir, "data/jobs.db"), fmt.Sprint("jobs ", i))
		m, err := r.Create(t.Context(), Backup{}, sources)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := r.Get(""); err != nil || b.ID != m.ID {
			t.Fatalf("backup %d: the latest is %s, not %s (%v)", i, b.ID, m.ID, err)
		}
		if i == 10 {
			now = now.Add(-time.Hour)
		}
	}
}
