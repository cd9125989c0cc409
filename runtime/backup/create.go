package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

// Source is a file or a folder that a backup takes. One that is not there is passed over.
type Source struct {
	Name string                               // its place in the backup: "data/registry"
	Path string                               // on this machine
	Skip func(rel string, d fs.DirEntry) bool // nil: all of a folder is taken
}

// Made says what a new backup has cost.
type Made struct {
	Backup
	New int64 // bytes that were not in the repository before
}

// Create makes a backup of sources. Contents that the repository has are not written again, and files that have neither
// another size nor another time than in the last backup are not read again. Files that go while it looks are left out.
func (r *Repo) Create(ctx context.Context, b Backup, sources []Source) (Made, error) {
	unlock, err := r.lock()
	if err != nil {
		return Made{}, err
	}
	defer unlock()
	r.sweep()
	m := Made{Backup: b}
	m.Made, m.Files = r.next(), nil
	known := r.last()
	for _, s := range sources {
		if err := r.take(ctx, s, known, &m); err != nil {
			return m, err
		}
	}
	slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	if err := r.o.Step("list"); err != nil {
		return m, err
	}
	return m, r.put(&m.Backup)
}

// next is the time of a new backup: after every other's, also where the clock has been set back.
func (r *Repo) next() time.Time {
	now := r.o.Now().UTC()
	ids, err := r.List()
	if err != nil || len(ids) == 0 {
		return now
	}
	if last, ok := Time(ids[len(ids)-1]); ok && !now.Truncate(time.Microsecond).After(last) {
		return last.Add(time.Microsecond)
	}
	return now
}

// sweep removes what an earlier Create left half made.
func (r *Repo) sweep() {
	entries, _ := os.ReadDir(filepath.Join(r.dir, tempDir))
	for _, e := range entries {
		_ = os.Remove(filepath.Join(r.dir, tempDir, e.Name())) // it takes room, no more
	}
}

// last are the files of the last backup by name; none where it cannot be read, as without an identity.
func (r *Repo) last() map[string]File {
	known := map[string]File{}
	if b, err := r.Get(""); err == nil {
		for _, f := range b.Files {
			known[f.Name] = f
		}
	}
	return known
}

func (r *Repo) take(ctx context.Context, s Source, known map[string]File, m *Made) error {
	return filepath.WalkDir(s.Path, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return ignoreGone(err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rel, err := filepath.Rel(s.Path, at)
		if err != nil {
			return err
		}
		if rel != "." && s.Skip != nil && s.Skip(filepath.ToSlash(rel), d) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		f, ok, err := r.takeOne(at, path.Join(s.Name, filepath.ToSlash(rel)), known, m)
		if err == nil && ok {
			m.Files = append(m.Files, f)
		}
		return ignoreGone(err)
	})
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// takeOne takes a folder, a link or a file; nothing else can be kept.
func (r *Repo) takeOne(at, name string, known map[string]File, m *Made) (f File, ok bool, err error) {
	st, err := os.Lstat(at)
	if err != nil {
		return f, false, err
	}
	f = File{Name: name, Mode: st.Mode().Perm(), Time: st.ModTime().UTC()}
	switch {
	case st.IsDir():
		f.Folder = true
		return f, true, nil
	case st.Mode().Type() == fs.ModeSymlink:
		f.Link, err = os.Readlink(at)
		return f, err == nil, err
	case !st.Mode().IsRegular():
		return f, false, nil
	}
	if k, seen := known[name]; seen && k.Size == st.Size() && k.Time.Equal(f.Time) && k.SHA256 != "" {
		if _, err := os.Stat(r.object(k.SHA256)); err == nil {
			f.Size, f.SHA256 = k.Size, k.SHA256
			return f, true, nil
		}
	}
	return r.copyIn(at, f, m)
}

func (r *Repo) copyIn(at string, f File, m *Made) (File, bool, error) {
	if err := r.o.Step("copy"); err != nil {
		return f, false, err
	}
	from, err := os.Open(at)
	if err != nil {
		return f, false, err
	}
	defer from.Close()
	fresh := false
	f.SHA256, f.Size, err = r.create(func(sum string) string {
		p := r.object(sum)
		_, serr := os.Stat(p)
		fresh = serr != nil
		return p
	}, from)
	if fresh {
		m.New += f.Size
	}
	return f, err == nil, err
}

// Verify reads every content of a backup. It gives the names of the files that are lost or damaged; none and nil when the
// backup is whole.
func (r *Repo) Verify(ctx context.Context, b Backup) (lost []string, err error) {
	good := map[string]bool{}
	for _, f := range b.Files {
		if f.SHA256 == "" {
			continue
		}
		ok, seen := good[f.SHA256]
		if !seen {
			if ok, err = r.whole(ctx, f.SHA256); err != nil {
				return lost, err
			}
			good[f.SHA256] = ok
		}
		if !ok {
			lost = append(lost, f.Name)
		}
	}
	return lost, nil
}

func (r *Repo) whole(ctx context.Context, sum string) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	from, err := r.open(sum)
	if errdefs.IsFailedPrecondition(err) || errdefs.IsPermissionDenied(err) {
		return false, err
	}
	if err != nil {
		return false, nil //nolint:nilerr // that is what was asked
	}
	defer from.Close()
	_, err = io.Copy(io.Discard, checked(from, sum))
	return err == nil, nil
}

// Prune keeps the latest backups, removes the lists of the others and then the contents that no list names any more. It gives
// how many backups and bytes went.
func (r *Repo) Prune(ctx context.Context, keep int) (gone int, bytes int64, err error) {
	unlock, err := r.lock()
	if err != nil {
		return 0, 0, err
	}
	defer unlock()
	ids, err := r.List()
	if err != nil || keep < 1 || len(ids) <= keep {
		return 0, 0, err
	}
	named := map[string]bool{}
	for _, id := range ids[len(ids)-keep:] {
		b, err := r.read(id)
		if err != nil {
			return 0, 0, fmt.Errorf("nothing is removed while a backup that stays cannot be read: %w", err)
		}
		for _, f := range b.Files {
			named[f.SHA256] = true
		}
	}
	for _, id := range ids[:len(ids)-keep] {
		for _, tail := range []string{".json", ".json" + sealed} {
			if err := ignoreGone(os.Remove(filepath.Join(r.dir, listDir, id+tail))); err != nil {
				return gone, bytes, err
			}
		}
		gone++
	}
	err = filepath.WalkDir(filepath.Join(r.dir, objectDir), func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || named[strings.TrimSuffix(d.Name(), sealed)] || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if st, serr := d.Info(); serr == nil {
			bytes += st.Size()
		}
		return os.Remove(at)
	})
	return gone, bytes, err
}
