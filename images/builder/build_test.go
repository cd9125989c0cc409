package builder

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// recipe writes an image folder whose function is a copy of /bin/sh, a dynamically linked program every machine has.
func recipe(t *testing.T, body string) (string, Options) {
	t.Helper()
	dir, bin := t.TempDir(), t.TempDir()
	sh, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range map[string][]byte{filepath.Join(dir, "image.yaml"): []byte(body), filepath.Join(bin, "fn"): sh} {
		if err := os.WriteFile(path, b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir, Options{Bin: bin, Prefix: t.TempDir()}
}

const plain = `name: test/sh:latest
entrypoint: [/function/fn]
layers:
  - base: true
  - files: [{from: "bin:fn", to: /function/fn}]
`

func mustBuild(t *testing.T, dir string, o Options) v1.Image {
	t.Helper()
	_, img, err := Build(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func digest(t *testing.T, img v1.Image) v1.Hash {
	t.Helper()
	h, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSameInputSameDigest(t *testing.T) {
	dir, o := recipe(t, plain)
	first := digest(t, mustBuild(t, dir, o))
	if err := os.Chtimes(filepath.Join(o.Bin, "fn"), t0, t0); err != nil {
		t.Fatal(err)
	}
	if again := digest(t, mustBuild(t, dir, o)); again != first {
		t.Errorf("digest %v, then %v", first, again)
	}
}

// TestRunsInItsRoot unpacks the image and runs its program with nothing else around it.
func TestRunsInItsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("chroot needs root")
	}
	dir, o := recipe(t, plain)
	root := t.TempDir()
	tarred := mutate.Extract(mustBuild(t, dir, o))
	defer tarred.Close()
	unpack := exec.Command("tar", "-x", "-C", root)
	unpack.Stdin = tarred
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	out, err := exec.Command("chroot", root, "/function/fn", "-c", "echo alive").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "alive" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestLayoutAndPush(t *testing.T) {
	dir, o := recipe(t, plain)
	img := mustBuild(t, dir, o)
	out := filepath.Join(t.TempDir(), "layout")
	for range 2 { // the second replaces the first
		if err := WriteLayout(img, "test/sh:latest", out); err != nil {
			t.Fatal(err)
		}
	}
	idx, err := layout.ImageIndexFromPath(out)
	if err != nil {
		t.Fatal(err)
	}
	m, err := idx.IndexManifest()
	if err != nil || len(m.Manifests) != 1 || m.Manifests[0].Digest != digest(t, img) {
		t.Fatalf("layout holds %+v, %v", m, err)
	}
	srv := httptest.NewServer(registry.New())
	defer srv.Close()
	ref := strings.TrimPrefix(srv.URL, "http://") + "/test/sh:latest"
	if err := Push(img, ref); err != nil {
		t.Fatal(err)
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.Image(parsed)
	if err != nil || digest(t, got) != digest(t, img) {
		t.Errorf("pushed %v, %v", got, err)
	}
}

func TestAFolderOfOtherFilesStays(t *testing.T) {
	dir, o := recipe(t, plain)
	home := t.TempDir()
	precious := filepath.Join(home, "precious")
	if err := os.WriteFile(precious, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteLayout(mustBuild(t, dir, o), "test/sh:latest", home); !errdefs.IsAlreadyExists(err) || !strings.Contains(err.Error(), home) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Errorf("replaced: %v", err)
	}
}

func TestLayersAreShared(t *testing.T) {
	dir, o := recipe(t, plain)
	other, oo := recipe(t, strings.ReplaceAll(plain, "test/sh", "test/other"))
	if err := os.WriteFile(filepath.Join(oo.Bin, "fn"), []byte("#!another"), 0o755); err != nil {
		t.Fatal(err)
	}
	a, err := mustBuild(t, dir, o).Layers()
	if err != nil {
		t.Fatal(err)
	}
	b, err := mustBuild(t, other, oo).Layers()
	if err != nil {
		t.Fatal(err)
	}
	base1, _ := a[0].Digest()
	base2, _ := b[0].Digest()
	fn1, _ := a[1].Digest()
	fn2, _ := b[1].Digest()
	if base1 != base2 || fn1 == fn2 {
		t.Errorf("base %v and %v, function %v and %v", base1, base2, fn1, fn2)
	}
}
