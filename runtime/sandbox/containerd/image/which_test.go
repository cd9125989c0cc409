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
)

// severalImages is a layout of images by the names that their index gives them, each with one layer that is its key.
func severalImages(t *testing.T, names map[string]map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755))
	put := func(b []byte, mediaType string) ocispec.Descriptor {
		d := digest.FromBytes(b)
		must(t, os.WriteFile(filepath.Join(dir, "blobs/sha256", d.Encoded()), b, 0o644))
		return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(b))}
	}
	doc := func(v any) []byte { b, err := json.Marshal(v); must(t, err); return b }
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}}
	for layer, annotations := range names {
		d := put(doc(ocispec.Manifest{Versioned: index.Versioned, MediaType: ocispec.MediaTypeImageManifest, Config: put([]byte(`{"of":"`+layer+`"}`), ocispec.MediaTypeImageConfig),
			Layers: []ocispec.Descriptor{put([]byte(layer), ocispec.MediaTypeImageLayer)}}), ocispec.MediaTypeImageManifest)
		d.Annotations = annotations
		index.Manifests = append(index.Manifests, d)
	}
	must(t, os.WriteFile(filepath.Join(dir, "index.json"), doc(index), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
	return dir
}

// packed are the files that containerd is given.
func packed(t *testing.T, s *source) map[string]string {
	t.Helper()
	got := map[string]string{}
	r := s.archive()
	defer r.Close()
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if err == io.EOF {
			return got
		}
		must(t, err)
		b, err := io.ReadAll(archive)
		must(t, err)
		got[h.Name] = string(b)
	}
}

// TestATagChooses one of several images by the names that skopeo, buildah, podman, docker and containerd write, and containerd
// is given no other.
func TestATagChooses(t *testing.T) {
	ref, full := ocispec.AnnotationRefName, nameOfImage
	dir := severalImages(t, map[string]map[string]string{
		"one":   {ref: "v1"},
		"two":   {ref: "v2.0-rc.1"},
		"three": {ref: "latest", full: "docker.io/library/hello:latest"},
		"four":  {ref: "localhost/world:edge"},
		"five":  {},
	})
	for _, path := range []string{dir, archiveOf(t, dir)} {
		for tag, want := range map[string]string{
			"v1": "one", "v2.0-rc.1": "two", "latest": "three", "hello": "three", "hello:latest": "three", "docker.io/library/hello:latest": "three",
			"edge": "four", "world:edge": "four", "localhost/world:edge": "four",
		} {
			s, err := openSource(path, tag, Limits{}.WithDefaults())
			if err != nil {
				t.Errorf("%s: %v", tag, err)
				continue
			}
			files := packed(t, s)
			must(t, s.Close())
			var index ocispec.Index
			must(t, json.Unmarshal([]byte(files["index.json"]), &index))
			layer := files["blobs/sha256/"+digest.FromString(want).Encoded()]
			if len(index.Manifests) != 1 || len(files) != 5 || layer != want {
				t.Errorf("%s: %d images, layer %q of %d files", tag, len(index.Manifests), layer, len(files))
			}
		}
		for tag, says := range map[string]string{"v3": "latest, localhost/world:edge, v1, v2.0-rc.1", "v": "v1", "1": "v1", "rc.1": "v1"} {
			if _, err := openSource(path, tag, Limits{}.WithDefaults()); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", tag, err)
			}
		}
		if _, err := openSource(path, "", Limits{}.WithDefaults()); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "oci:"+path+":") {
			t.Errorf("without a tag: %v", err)
		}
	}
}

// TestATagOfDockerSave: several images in the list that docker save before version 25 writes.
func TestATagOfDockerSave(t *testing.T) {
	dir := dockerFolder(t)
	must(t, os.WriteFile(filepath.Join(dir, "other.json"), []byte(`{"x":1}`), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`[{"Config":"config.json","RepoTags":["hello:1"],"Layers":["a/layer.tar"]},
		{"Config":"other.json","RepoTags":["quay.io/hello:2","hello:3"],"Layers":["a/layer.tar"]}]`), 0o644))
	for _, path := range []string{dir, archiveOf(t, dir)} {
		for tag, want := range map[string]string{"hello:1": "config.json", "1": "config.json", "2": "other.json", "quay.io/hello:2": "other.json", "hello:3": "other.json"} {
			s, err := openSource(path, tag, Limits{}.WithDefaults())
			if err != nil {
				t.Errorf("%s: %v", tag, err)
				continue
			}
			files := packed(t, s)
			must(t, s.Close())
			if files[want] == "" || files["a/layer.tar"] != "layer" || len(files) != 3 || strings.Count(files["manifest.json"], "Config") != 1 {
				t.Errorf("%s: %v", tag, files)
			}
		}
		if _, err := openSource(path, "4", Limits{}.WithDefaults()); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "hello:1, hello:3, quay.io/hello:2") {
			t.Error(err)
		}
	}
}

// TestTheDigestOfATag is that of its layout with the tag: of what is there it is found out, of what is not it is said.
func TestTheDigestOfATag(t *testing.T) {
	dir := severalImages(t, map[string]map[string]string{"one": {ocispec.AnnotationRefName: "v1"}, "two": {ocispec.AnnotationRefName: "v2"}})
	s := New(nil, nil, nil)
	one, err := s.Resolve(t.Context(), "oci:"+dir+":v1")
	must(t, err)
	two, err := s.Resolve(t.Context(), "oci:"+dir+":v2")
	must(t, err)
	if again, err := s.Resolve(t.Context(), "oci:"+dir+":v1"); one == two || again != one || err != nil {
		t.Errorf("%s, %s, %s, %v", one, two, again, err)
	}
	for path, says := range map[string]string{dir + ":v3": "v1, v2", dir + "-gone:v1": "is not an image", dir + ":": "say which"} {
		if _, err := s.Resolve(t.Context(), "oci:"+path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
