package containerd

import (
	"archive/tar"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestImageSources starts one function from a layout, an archive, a name it was imported under, and a registry.
func TestImageSources(t *testing.T) {
	d := newDriver(t)
	oci := echoImage(t)
	dir := strings.TrimPrefix(oci, "oci:")
	archive := filepath.Join(t.TempDir(), "echo.tar")
	pack(t, dir, archive)
	if err := d.Import(testContext(t), dir, "echo:dev"); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{oci, "oci:" + archive, "echo:dev", push(t, dir)} {
		b := started(t, d, config(t, spec.Function{Image: ref}))
		if got := invoke(t, b, `"x"`); got != `"x"` {
			t.Errorf("%s answers %q", ref, got)
		}
		remove(t, b)
	}
}

// TestLayoutThatChanges: a new build in the same folder is what the next instance runs.
func TestLayoutThatChanges(t *testing.T) {
	d := newDriver(t)
	ref, other := echoImage(t), hostileImage(t)
	first, err := d.images.Get(d.in(testContext(t)), ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(strings.TrimPrefix(ref, "oci:"), "new"), os.DirFS(strings.TrimPrefix(other, "oci:"))); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(strings.TrimPrefix(ref, "oci:"), "new")
	if err := os.Rename(filepath.Join(moved, "index.json"), filepath.Join(strings.TrimPrefix(ref, "oci:"), "index.json")); err != nil {
		t.Fatal(err)
	}
	blobs := filepath.Join(strings.TrimPrefix(ref, "oci:"), "blobs", "sha256")
	names, err := os.ReadDir(filepath.Join(moved, "blobs", "sha256"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if err := os.Rename(filepath.Join(moved, "blobs", "sha256", n.Name()), filepath.Join(blobs, n.Name())); err != nil {
			t.Fatal(err)
		}
	}
	second, err := d.images.Get(d.in(testContext(t)), ref)
	if err != nil || second.Digest == first.Digest {
		t.Errorf("still %s, %v", first.Digest, err)
	}
}

func TestNotAnImage(t *testing.T) {
	d := newDriver(t)
	empty, text := t.TempDir(), filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte("not an archive"), 0o644); err != nil {
		t.Fatal(err)
	}
	foreign := otherMachine(t)
	for _, c := range []struct {
		ref, says string
		class     func(error) bool
	}{
		{"oci:/nowhere", "/nowhere is not an OCI image", errdefs.IsNotFound},
		{"oci:" + empty, "is not an OCI image", errdefs.IsNotFound},
		{"oci:" + text, "is not an OCI image", errdefs.IsInvalidArgument},
		{"Not A Reference", "is not an image: write a reference", errdefs.IsInvalidArgument},
		{foreign, "is not an image for linux/" + runtime.GOARCH, errdefs.IsInvalidArgument},
		{writeImage(t, v1.Config{}, file{path: "x", mode: 0o644, body: nil}), "has neither entrypoint nor command", errdefs.IsInvalidArgument},
		{writeImage(t, v1.Config{Cmd: []string{"/x"}, User: "alice"}, file{path: "x", mode: 0o644, body: nil}), "runs as \"alice\"", errdefs.IsInvalidArgument},
	} {
		conf := config(t, spec.Function{Image: c.ref})
		_, err := d.Create(testContext(t), conf)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") || !c.class(err) {
			t.Errorf("%s: %v", c.ref, err)
		}
		if left := traces(t, d, conf.ID); len(left) > 0 {
			t.Errorf("%s left %v", c.ref, left)
		}
	}
}

// otherMachine is a layout for an architecture that this machine is not of.
func otherMachine(t testing.TB) string {
	t.Helper()
	p, err := layout.FromPath(strings.TrimPrefix(echoImage(t), "oci:"))
	if err != nil {
		t.Fatal(err)
	}
	index, err := p.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(string(p), "index.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(b), `"architecture":"`+m.Manifests[0].Platform.Architecture+`"`, `"architecture":"s390x"`, 1)
	changed = strings.Replace(changed, `"architecture": "`+m.Manifests[0].Platform.Architecture+`"`, `"architecture": "s390x"`, 1)
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	return "oci:" + string(p)
}

func push(t testing.TB, dir string) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	ref := strings.TrimPrefix(server.URL, "http://") + "/team/echo:1"
	p, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := p.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(tag, index); err != nil {
		t.Fatal(err)
	}
	return ref
}

func pack(t testing.TB, dir, archive string) {
	t.Helper()
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	must(t, w.AddFS(os.DirFS(dir)))
	must(t, w.Close())
}

// TestClosedBundle: what the function could not read is said before it starts.
func TestClosedBundle(t *testing.T) {
	d := newDriver(t)
	c := config(t, spec.Function{Image: echoImage(t)})
	c.Bundle = t.TempDir()
	must(t, os.WriteFile(filepath.Join(c.Bundle, "weights"), []byte("w"), 0o600))
	if _, err := d.Create(testContext(t), c); !errdefs.IsPermissionDenied(err) || !strings.Contains(err.Error(), "chmod -R a+rX "+c.Bundle) {
		t.Errorf("create: %v", err)
	}
	must(t, os.Chmod(filepath.Join(c.Bundle, "weights"), 0o644))
	remove(t, started(t, d, c))
}
