package containerd

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// TestATagThatWasPushedAgain stands for the new image once somebody asks for it anew, and what stood for the old one still
// does. Without its registry it stays what it was, and an image that was imported under a registry's name is never asked for.
func TestATagThatWasPushedAgain(t *testing.T) {
	d := newDriver(t)
	ctx := testContext(t)
	build := func(word string) string {
		return strings.TrimPrefix(writeImage(t, v1.Config{Cmd: []string{"/" + word}}, file{path: "a", mode: 0o644, body: []byte(word)}), "oci:")
	}
	ref, instead := pushed(t, build("one"))
	pin := func(serves string) string {
		t.Helper()
		digest, err := d.PinImage(ctx, ref, serves)
		must(t, err)
		return digest
	}
	command := func(ref string) string {
		t.Helper()
		img, err := d.images.Get(d.in(ctx), ref, nil)
		must(t, err)
		return img.Config.Cmd[0]
	}
	first := pin("")
	if got := command(ref); got != "/one" { // a manifest of the functions' folder: by the tag
		t.Fatal(got)
	}
	writeTag(t, ref, build("two"))
	second := pin(first)
	if first == second || first == "" {
		t.Fatalf("%s stands for %s, then for %s", ref, first, second)
	}
	for at, want := range map[string]string{first: "/one", second: "/two"} {
		if got := command(ref + "@" + at); got != want {
			t.Errorf("%s runs %s, want %s", at, got, want)
		}
	}
	down := func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
	instead.Store(&down)
	if was, serves := pin(""), pin(second); was != first || serves != second {
		t.Errorf("without its registry the tag stands for %s; by it %s was pulled. What served, %s, became %s", was, first, second, serves)
	}
	must(t, d.Import(ctx, build("three"), "docker.io/library/fbthree:latest"))
	if digest, err := d.PinImage(ctx, "fbthree", ""); err != nil || digest != "" {
		t.Errorf("an image of this machine is pinned to %q, %v", digest, err)
	}
}

// writeTag pushes a layout's image under a tag.
func writeTag(t testing.TB, ref, dir string) {
	t.Helper()
	p, err := layout.FromPath(dir)
	must(t, err)
	index, err := p.ImageIndex()
	must(t, err)
	tag, err := name.NewTag(ref)
	must(t, err)
	must(t, remote.WriteIndex(tag, index))
}
