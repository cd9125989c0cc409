package weights

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// Bundle is a model ready to be served: a folder whose every file bundle.json lists with size and digest.
type Bundle struct {
	Manifest
	Dir string
	// Fingerprint stands for "these very files, verified"; see VerifyOptions.
	Fingerprint string
	// Hashed says that this call has read and verified every file; false: a record made that unnecessary.
	Hashed bool
	// Unrecorded says why the verification could not be remembered; the next start will hash again.
	Unrecorded error
}

// Seal writes bundle.json for the files that lie in dir: it hashes them all and fills in m's format, files and digest.
// Same files and same manifest, same bundle.json.
func Seal(ctx context.Context, dir string, m Manifest, progress func(done, total int64)) (Manifest, error) {
	m.Format, m.Version, m.Files = bundleFormat, bundleVersion, nil
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == ManifestName || d.Name() == sourceName || strings.HasPrefix(d.Name(), atomicfile.Prefix) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		m.Files = append(m.Files, FileEntry{Path: filepath.ToSlash(rel), Size: info.Size()})
		return err
	})
	if err != nil {
		return m, fmt.Errorf("cannot seal bundle: %w", err)
	}
	slices.SortFunc(m.Files, func(a, b FileEntry) int { return strings.Compare(a.Path, b.Path) })
	unknown, at := Manifest{}, []int(nil)
	for i, f := range m.Files {
		if known, ok := m.linked[f.Path]; ok && known.Size == f.Size {
			m.Files[i] = known
			continue
		}
		unknown.Files, at = append(unknown.Files, f), append(at, i)
	}
	if err := hashAll(ctx, dir, unknown, progress, func(i int, digest string) error {
		m.Files[at[i]].Digest = digest
		return nil
	}); err != nil {
		return m, err
	}
	m.Digest = m.digest()
	return m, m.write(dir)
}

// OpenBundle opens the bundle in dir and makes sure of every file's content, as VerifyOptions describes.
func OpenBundle(ctx context.Context, dir string, o VerifyOptions) (*Bundle, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Manifest: m, Dir: dir}
	return b, b.verify(ctx, o)
}

// Path is where a file of the bundle lies; errdefs.ErrNotFound when the manifest does not list it.
func (b *Bundle) Path(name string) (string, error) {
	for _, f := range b.Files {
		if f.Path == name {
			return filepath.Join(b.Dir, filepath.FromSlash(name)), nil
		}
	}
	return "", fmt.Errorf("bundle %s has no file %q: %w", b.Dir, name, errdefs.ErrNotFound)
}
