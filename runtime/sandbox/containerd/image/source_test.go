package image

import (
	"archive/tar"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
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
			src, err := openSource(path, "", l)
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
		if src, err := openSource(path, "", l); err == nil {
			t.Errorf("%s is taken: %v", path, src)
		}
		if _, err := layoutDigest(path, ""); path == index && err == nil {
			t.Error("the pipe has a digest")
		}
	}
}

// dockerFolder is what `docker save | tar -x` leaves: a list, layers by name, one of them a link to another.
func dockerFolder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		must(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
	}
	must(t, os.WriteFile(filepath.Join(dir, "a/layer.tar"), []byte("layer"), 0o644))
	must(t, os.Symlink("../a/layer.tar", filepath.Join(dir, "b/layer.tar")))
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte("{}"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("not of the image"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`[{"Config":"config.json","RepoTags":["hello:latest"],"Layers":["a/layer.tar","b/layer.tar","a/layer.tar"]}]`), 0o644))
	return dir
}

func TestWhatDockerSaveWroteIsAnImage(t *testing.T) {
	dir := dockerFolder(t)
	s, err := openSource(dir, "", Limits{}.WithDefaults())
	must(t, err)
	defer s.Close()
	got := map[string]string{}
	r := s.archive()
	defer r.Close()
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		b, err := io.ReadAll(archive)
		must(t, err)
		got[h.Name] = string(b)
	}
	if len(got) != 4 || got["a/layer.tar"] != "layer" || got["b/layer.tar"] != "layer" || got["config.json"] != "{}" {
		t.Errorf("%v", got)
	}
	before, err := layoutDigest(dir, "")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`[{"Config":"config.json","Layers":["a/layer.tar"]}]`), 0o644))
	if after, err := layoutDigest(dir, ""); err != nil || after == before {
		t.Errorf("another image has the same digest: %v", err)
	}
}

func TestAHostileDockerFolderIsRefused(t *testing.T) {
	for name, harm := range map[string]func(dir string){
		"a link out of it": func(d string) { os.Remove(d + "/a/layer.tar"); os.Symlink("/etc/passwd", d+"/a/layer.tar") },
		"a link upwards":   func(d string) { os.Remove(d + "/a/layer.tar"); os.Symlink("../../../../etc/passwd", d+"/a/layer.tar") },
		"a name out of it": func(d string) {
			os.WriteFile(d+"/manifest.json", []byte(`[{"Config":"config.json","Layers":["../../etc/passwd"]}]`), 0o644)
		},
		"an absolute name": func(d string) {
			os.WriteFile(d+"/manifest.json", []byte(`[{"Config":"/etc/passwd","Layers":[]}]`), 0o644)
		},
		"a missing layer": func(d string) { os.Remove(d + "/a/layer.tar") },
		"a pipe":          func(d string) { os.Remove(d + "/config.json"); unix.Mkfifo(d+"/config.json", 0o644) },
		"a loop":          func(d string) { os.Remove(d + "/a/layer.tar"); os.Symlink("../b/layer.tar", d+"/a/layer.tar") },
		"many layers": func(d string) {
			os.WriteFile(d+"/manifest.json", []byte(`[{"Config":"config.json","Layers":["a/layer.tar"`+strings.Repeat(`,"a/layer.tar"`, 3000)+`]}]`), 0o644)
		},
		"a list that is no": func(d string) { os.WriteFile(d+"/manifest.json", []byte(`{"Config":1}`), 0o644) },
	} {
		dir := dockerFolder(t)
		harm(dir)
		if s, err := openSource(dir, "", Limits{}.WithDefaults()); err == nil {
			s.Close()
			t.Errorf("%s: taken", name)
		}
	}
	big := dockerFolder(t)
	if s, err := openSource(big, "", Limits{Bytes: 8, Layers: 100}); err == nil {
		s.Close()
		t.Error("more than the limit was taken")
	}
}

// TestALayoutOfSeveralImages: which is meant nobody can know; one under several names, or of other platforms, is one.
func TestALayoutOfSeveralImages(t *testing.T) {
	named := func(d ocispec.Descriptor, name string) ocispec.Descriptor {
		d.Annotations = map[string]string{ocispec.AnnotationRefName: name}
		return d
	}
	one := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("one")}
	two := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("two")}
	foreign, attested := two, two
	foreign.Platform = &ocispec.Platform{OS: "plan9", Architecture: "mips"}
	attested.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	for _, list := range [][]ocispec.Descriptor{{}, {one}, {named(one, "a"), named(one, "b")}, {one, foreign}, {one, attested}} {
		if err := oneImage(list, "x"); err != nil {
			t.Errorf("%+v: %v", list, err)
		}
	}
	if err := oneImage([]ocispec.Descriptor{named(one, "old"), named(two, "new")}, "x"); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "old, new") {
		t.Error(err)
	}
}

// TestWhatIsNoImageSaysWhatWouldBe: an archive that is compressed, skopeo's dir:, and docker save of several images.
func TestWhatIsNoImageSaysWhatWouldBe(t *testing.T) {
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	for path, says := range map[string]string{
		write("a.tar.gz", "\x1f\x8b\x08\x00 and so on"):                                                          "gzip",
		write("a.tar.zst", "\x28\xb5\x2f\xfd and so on"):                                                         "zstd",
		write("a.tar.xz", "\xfd7zXZ\x00"):                                                                        "xz",
		filepath.Dir(write(dockerFile, `{"schemaVersion":2}`)):                                                   "oci:",
		filepath.Dir(write(dockerFile, `[{"Config":"a"},{"Config":"b"}]`)):                                       "several images",
		filepath.Dir(write(dockerFile, `[{"Config":"a","RepoTags":["x:1"]},{"Config":"b","RepoTags":["x:2"]}]`)): ":x:1",
	} {
		_, err := openSource(path, "", Limits{}.WithDefaults())
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "struct") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
