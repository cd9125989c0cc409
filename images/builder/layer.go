package builder

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// entry is one path of a layer: a folder, a link, a file with content, or a file of this machine.
type entry struct {
	path    string // absolute, clean
	mode    int64
	link    string // target of a symbolic link
	content []byte
	from    string // host file; its content at the time of writing
	dir     bool
}

// tree is what a layer holds, by path.
type tree map[string]entry

// add puts e in, with the folders above it.
func (t tree) add(e entry) {
	for d := filepath.Dir(e.path); d != "/" && d != "."; d = filepath.Dir(d) {
		if _, ok := t[d]; !ok {
			t[d] = entry{path: d, mode: 0o755, dir: true}
		}
	}
	t[e.path] = e
}

// layer turns the tree into an image layer: sorted, root-owned, without times, not compressed. It is read once for its
// digest and again whenever it is written out; the files must not change in between (the digest would not match, and
// whoever receives the layer refuses it).
func (t tree) layer(r *reading) (v1.Layer, error) {
	h, n := sha256.New(), counter(0)
	if err := t.write(io.MultiWriter(h, &n), r); err != nil {
		return nil, err
	}
	return plainLayer{read: r, tree: t, size: int64(n), hash: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}}, nil
}

type counter int64

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

// plainLayer is a v1.Layer whose blob is its tar archive itself.
type plainLayer struct {
	read *reading
	tree tree
	hash v1.Hash
	size int64
}

var _ v1.Layer = plainLayer{}

func (l plainLayer) Digest() (v1.Hash, error)            { return l.hash, nil }
func (l plainLayer) DiffID() (v1.Hash, error)            { return l.hash, nil }
func (l plainLayer) Size() (int64, error)                { return l.size, nil }
func (l plainLayer) MediaType() (types.MediaType, error) { return types.OCIUncompressedLayer, nil }
func (l plainLayer) Compressed() (io.ReadCloser, error)  { return l.Uncompressed() }
func (l plainLayer) Uncompressed() (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(l.tree.write(w, l.read)) }()
	return r, nil
}

func (t tree) write(w io.Writer, r *reading) error {
	tw := tar.NewWriter(w)
	for _, p := range t.paths() {
		if err := writeEntry(tw, t[p], r); err != nil {
			return err
		}
	}
	return tw.Close()
}

func (t tree) paths() []string {
	out := make([]string, 0, len(t))
	for p := range t {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

func writeEntry(tw *tar.Writer, e entry, r *reading) error {
	h := &tar.Header{Name: strings.TrimPrefix(e.path, "/"), Mode: e.mode, Format: tar.FormatPAX}
	switch {
	case e.dir:
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		return tw.WriteHeader(h)
	case e.link != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		return tw.WriteHeader(h)
	case e.from == "":
		h.Size = int64(len(e.content))
		return writeFile(tw, h, bytes.NewReader(e.content))
	}
	f, err := os.Open(e.from)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	h.Size = st.Size()
	return writeFile(tw, h, &counted{f, r})
}

func writeFile(tw *tar.Writer, h *tar.Header, r io.Reader) error {
	h.Typeflag = tar.TypeReg
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.Copy(tw, r)
	return err
}
