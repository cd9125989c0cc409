package containerd

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
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

// TestAFirstStartTellsOfItsImage: where it comes from and how much of it is unpacked, to its end; a second start has nothing
// to tell of.
func TestAFirstStartTellsOfItsImage(t *testing.T) {
	d := newDriver(t)
	layer := func(path string) file { return file{path: path, mode: 0o644, body: make([]byte, 8<<20)} } // of its own: one that is there is not unpacked
	folder := writeImage(t, v1.Config{Cmd: []string{"/x"}}, layer("a"))
	registry := push(t, strings.TrimPrefix(writeImage(t, v1.Config{Cmd: []string{"/x"}}, layer("b")), "oci:"))
	for ref, brought := range map[string]string{folder: spec.PhaseImport, registry: spec.PhasePull} {
		var heard []spec.StartStep
		hear := func(s spec.StartStep) { heard = append(heard, s) }
		if _, err := d.images.Get(d.in(testContext(t)), ref, hear); err != nil {
			t.Fatal(err)
		}
		first, last := heard[0], heard[len(heard)-1]
		if first.Phase != brought || last.Phase != spec.PhaseUnpack || last.Total == 0 || last.Done != last.Total || last.Step != last.Steps || last.Steps == 0 {
			t.Errorf("%s: from %+v to %+v", ref, first, last)
		}
		for i, s := range heard[1:] {
			if s.Phase == heard[i].Phase && s.Done < heard[i].Done {
				t.Errorf("%s: from %+v back to %+v", ref, heard[i], s)
			}
		}
		heard = nil
		if _, err := d.images.Get(d.in(testContext(t)), ref, hear); err != nil || len(heard) > 0 {
			t.Errorf("%s once more: %+v, %v", ref, heard, err)
		}
	}
}

// TestARegistryPointsElsewhere: at another address for a layer, or for a token. Nothing is asked there, and who pulls hears why.
func TestARegistryPointsElsewhere(t *testing.T) {
	d := newDriver(t)
	guard := &outgoing.Guard{}
	d.images.Registry = func(host string) *http.Client { return outgoing.NewClient(guard, host) }
	l, err := net.Listen("tcp", "127.0.0.2:0")
	must(t, err)
	var trapped atomic.Int64
	trap := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trapped.Add(1) })}}
	trap.Start()
	t.Cleanup(trap.Close)
	for name, points := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"not at all": func(http.ResponseWriter, *http.Request) bool { return false },
		"for a layer": func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/blobs/") {
				http.Redirect(w, r, trap.URL+"/", http.StatusTemporaryRedirect)
			}
			return strings.Contains(r.URL.Path, "/blobs/")
		},
		"for a token": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+trap.URL+`/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		},
		"at metadata": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Location", "http://169.254.169.254/latest/")
			w.WriteHeader(http.StatusFound)
			return true
		},
	} {
		ref, misleads := pushed(t, strings.TrimPrefix(writeImage(t, v1.Config{Cmd: []string{"/x"}}, file{path: "a", mode: 0o644, body: []byte(name)}), "oci:"))
		misleads.Store(&points)
		_, err := d.images.Get(d.in(testContext(t)), ref, nil)
		if honest := name == "not at all"; honest != (err == nil) || !honest && !strings.Contains(err.Error(), "may not be called") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := trapped.Load(); n > 0 {
		t.Errorf("the trap was asked %d times", n)
	}
}

// TestLayoutThatChanges: a new build in the same folder is what the next instance runs.
func TestLayoutThatChanges(t *testing.T) {
	d := newDriver(t)
	ref, other := echoImage(t), hostileImage(t)
	first, err := d.images.Get(d.in(testContext(t)), ref, nil)
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
	second, err := d.images.Get(d.in(testContext(t)), ref, nil)
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
		{"oci:/nowhere", "/nowhere is not an image", errdefs.IsNotFound},
		{"oci:" + empty, "is not an image", errdefs.IsNotFound},
		{"oci:" + text, "is not an image", errdefs.IsInvalidArgument},
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
	ref, _ := pushed(t, dir)
	return ref
}

// pushed also gives what may answer in the registry's stead, from then on.
func pushed(t testing.TB, dir string) (string, *atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]) {
	t.Helper()
	honest, other := registry.New(registry.Logger(log.New(io.Discard, "", 0))), &atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := other.Load(); f == nil || !(*f)(w, r) {
			honest.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	ref := strings.TrimPrefix(server.URL, "http://") + "/team/echo:1"
	writeTag(t, ref, dir)
	return ref, other
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

// TestHostileImages: what unpacks to more than it may is given up, and of it nothing stays; what nobody waits for any more
// is called off.
func TestHostileImages(t *testing.T) {
	d := newDriver(t, func(o *Options) { o.Images = image.Limits{Bytes: 8 << 20, Files: 1000} })
	zeros := make([]byte, 6<<20)
	small := file{path: "small", mode: 0o644, body: make([]byte, 1<<10)}
	many := make([]file, 1001)
	for i := range many {
		many[i] = file{path: fmt.Sprint("f", i), mode: 0o644}
	}
	for name, ref := range map[string]string{
		"zeros":       writeImage(t, v1.Config{Cmd: []string{"/x"}}, file{path: "a", mode: 0o644, body: zeros}, file{path: "b", mode: 0o644, body: zeros}),
		"many files":  writeImage(t, v1.Config{Cmd: []string{"/x"}}, many...),
		"many layers": repeated(t, writeImage(t, v1.Config{Cmd: []string{"/x"}}, small), 3000),
		"large again": repeated(t, writeImage(t, v1.Config{Cmd: []string{"/x"}}, file{path: "a", mode: 0o644, body: zeros}), 20),
	} {
		before := snapshotsOf(t, d)
		_, err := d.Create(testContext(t), config(t, spec.Function{Image: ref}))
		if !errdefs.IsResourceExhausted(err) && !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s: %v", name, err)
		}
		if name != "large again" && snapshotsOf(t, d) > before {
			t.Errorf("%s: %d snapshots instead of %d", name, snapshotsOf(t, d), before)
		}
	}
}

// TestNobodyWaitsForTheImage: it is no longer unpacked when the last one who wanted it has left.
func TestNobodyWaitsForTheImage(t *testing.T) {
	d := newDriver(t)
	ref := writeImage(t, v1.Config{Cmd: []string{"/x"}}, file{path: "a", mode: 0o644, body: make([]byte, 64<<20)})
	ctx, leave := context.WithCancel(testContext(t))
	c := config(t, spec.Function{Image: ref})
	c.Tell = func(s spec.StartStep) {
		if s.Phase == spec.PhaseUnpack && s.Done > 0 {
			leave()
		}
	}
	if _, err := d.Create(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("create: %v", err)
	}
	if n := snapshotsOf(t, d); n != 0 {
		t.Errorf("%d snapshots are left", n)
	}
}

// snapshotsOf counts what containerd keeps of unpacked layers.
func snapshotsOf(t testing.TB, d *Driver) (n int) {
	t.Helper()
	must(t, d.client.SnapshotService(d.images.Snapshotter()).Walk(d.in(testContext(t)), func(context.Context, snapshots.Info) error { n++; return nil }))
	return n
}

// repeated rewrites a layout's image so that it has its layer many times.
func repeated(t testing.TB, ref string, n int) string {
	t.Helper()
	p, err := layout.FromPath(strings.TrimPrefix(ref, "oci:"))
	must(t, err)
	index, err := p.ImageIndex()
	must(t, err)
	m, err := index.IndexManifest()
	must(t, err)
	img, err := index.Image(m.Manifests[0].Digest)
	must(t, err)
	layers, err := img.Layers()
	must(t, err)
	more := make([]v1.Layer, n-1)
	for i := range more {
		more[i] = layers[0]
	}
	img, err = mutate.AppendLayers(img, more...)
	must(t, err)
	must(t, p.ReplaceImage(img, match.Digests(m.Manifests[0].Digest)))
	return ref
}
