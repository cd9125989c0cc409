package image

import (
	"archive/tar"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"
)

// hostile is a layout whose parts a test may bend.
type hostile struct {
	dir   string
	layer ocispec.Descriptor
	list  int                         // how often the manifest lists the layer
	bend  func(m *ocispec.Manifest)   // before the manifest is written
	top   func(d *ocispec.Descriptor) // before the index is
}

func (h hostile) write(t testing.TB) string {
	t.Helper()
	h.dir = t.TempDir()
	must(t, os.MkdirAll(filepath.Join(h.dir, "blobs/sha256"), 0o755))
	put := func(b []byte, mediaType string) ocispec.Descriptor {
		d := digest.FromBytes(b)
		must(t, os.WriteFile(filepath.Join(h.dir, "blobs/sha256", d.Encoded()), b, 0o644))
		return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(b))}
	}
	doc := func(v any) []byte { b, err := json.Marshal(v); must(t, err); return b }
	layer := put([]byte("layer"), ocispec.MediaTypeImageLayer)
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, Config: put([]byte("{}"), ocispec.MediaTypeImageConfig), MediaType: ocispec.MediaTypeImageManifest}
	for range max(h.list, 1) {
		m.Layers = append(m.Layers, layer)
	}
	if h.bend != nil {
		h.bend(&m)
	}
	d := put(doc(m), ocispec.MediaTypeImageManifest)
	if h.top != nil {
		h.top(&d)
	}
	must(t, os.WriteFile(filepath.Join(h.dir, "index.json"), doc(ocispec.Index{Versioned: m.Versioned, Manifests: []ocispec.Descriptor{d}}), 0o644))
	must(t, os.WriteFile(filepath.Join(h.dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
	return h.dir
}

func archiveOf(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.tar")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	w := tar.NewWriter(f)
	must(t, w.AddFS(os.DirFS(dir)))
	must(t, w.Close())
	return path
}

// TestHostileLayouts are refused before containerd is given any of them, as folders and as archives.
func TestHostileLayouts(t *testing.T) {
	l := Limits{}.WithDefaults()
	for name, c := range map[string]struct {
		h    hostile
		says string
	}{
		"as it should be":           {hostile{}, ""},
		"one layer 3000 times":      {hostile{list: 3000}, "3000 layers"},
		"a layer's size is wrong":   {hostile{bend: func(m *ocispec.Manifest) { m.Layers[0].Size = 4 }}, "descriptor says 4"},
		"a layer's size is below 0": {hostile{bend: func(m *ocispec.Manifest) { m.Layers[0].Size = -1 }}, "larger than"},
		"a layer's size is huge":    {hostile{bend: func(m *ocispec.Manifest) { m.Layers[0].Size = 1 << 62 }}, "larger than"},
		"the config's size":         {hostile{bend: func(m *ocispec.Manifest) { m.Config.Size = 99 }}, "descriptor says 99"},
		"the manifest's size":       {hostile{top: func(d *ocispec.Descriptor) { d.Size = 1 }}, "descriptor says 1"},
		"a path for a digest":       {hostile{top: func(d *ocispec.Descriptor) { d.Digest = "sha256:../../../etc/passwd" }}, "digest"},
		"a large manifest":          {hostile{bend: func(m *ocispec.Manifest) { m.Annotations = map[string]string{"x": strings.Repeat("x", 5<<20)} }}, "at most"},
	} {
		dir := c.h.write(t)
		for _, path := range []string{dir, archiveOf(t, dir)} {
			src, err := openSource(path, l)
			if src != nil && err == nil {
				must(t, src.Close())
			}
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, %s: %v", name, filepath.Base(path), err)
			}
		}
	}
}

// TestOtherThings in the place of an image, or of its parts, neither block nor are read.
func TestOtherThings(t *testing.T) {
	l := Limits{}.WithDefaults()
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, unix.Mkfifo(pipe, 0o644))
	blob := hostile{}.write(t)
	names, err := filepath.Glob(blob + "/blobs/sha256/*")
	must(t, err)
	must(t, os.Remove(names[0]))
	must(t, unix.Mkfifo(names[0], 0o644))
	link := hostile{}.write(t)
	names, err = filepath.Glob(link + "/blobs/sha256/*")
	must(t, err)
	must(t, os.Remove(names[0]))
	must(t, os.Symlink("/etc/passwd", names[0]))
	index := hostile{}.write(t)
	must(t, os.Remove(filepath.Join(index, "index.json")))
	must(t, unix.Mkfifo(filepath.Join(index, "index.json"), 0o644))
	sparse := filepath.Join(t.TempDir(), "sparse.tar")
	f, err := os.Create(sparse)
	must(t, err)
	must(t, tar.NewWriter(f).WriteHeader(&tar.Header{Name: "blobs/sha256/x", Size: 1 << 40, Typeflag: tar.TypeReg}))
	must(t, f.Truncate(1<<40))
	must(t, f.Close())
	for _, path := range []string{pipe, "/dev/zero", blob, link, index, sparse} {
		if src, err := openSource(path, l); err == nil {
			t.Errorf("%s is taken: %v", path, src)
		}
		if _, err := layoutDigest(path); path == index && err == nil {
			t.Error("the pipe has a digest")
		}
	}
}
