package containerd

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// held are the names of the records, and how many roots and snapshots of any kind there are.
func held(t *testing.T, d *Driver) (names []string, roots, layers int) {
	t.Helper()
	ctx := d.in(testContext(t))
	all, err := d.client.ImageService().List(ctx)
	must(t, err)
	for _, r := range all {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	must(t, d.client.SnapshotService(d.images.Snapshotter()).Walk(ctx, func(_ context.Context, info snapshots.Info) error {
		if strings.HasPrefix(info.Name, "videosdgx-root-") && strings.HasSuffix(info.Name, "-layer") {
			roots++
		}
		layers++
		return nil
	}))
	return names, roots, layers
}

// collected waits for containerd to have dropped what nothing keeps: removing a record of nothing makes it do so at once.
func collected(t *testing.T, d *Driver) {
	t.Helper()
	ctx := d.in(testContext(t))
	all, err := d.client.ImageService().List(ctx)
	must(t, err)
	_, err = d.client.ImageService().Create(ctx, images.Image{Name: "collect", Target: all[0].Target})
	must(t, err)
	must(t, d.client.ImageService().Delete(ctx, "collect", images.SynchronousDelete()))
}

// TestImagesThatNothingUses go: what an archive was before it was replaced, and what a tag stood for, once no function stands
// for them and no instance lives on them, with their files. What somebody imported stays.
func TestImagesThatNothingUses(t *testing.T) {
	d := newDriver(t)
	ctx := testContext(t)
	prune := func(idle time.Duration, refs ...string) []string {
		t.Helper()
		gone, err := d.PruneImages(ctx, refs, idle)
		must(t, err)
		return gone
	}
	archive := filepath.Join(t.TempDir(), "f.tar")
	ref := "oci:" + archive
	build := func(word string) {
		t.Helper()
		echo := file{path: "var/runtime/bootstrap", mode: 0o755, body: program(t, built.echo)}
		dir := writeImage(t, v1.Config{Entrypoint: []string{"/var/runtime/bootstrap"}}, echo, file{path: "word", mode: 0o644, body: []byte(word)})
		pack(t, strings.TrimPrefix(dir, "oci:"), archive)
	}
	build("one")
	must(t, d.Import(ctx, archive, "mine:1"))
	old := started(t, d, config(t, spec.Function{Image: ref}))
	build("two")
	now := started(t, d, config(t, spec.Function{Image: ref}))
	if _, roots, _ := held(t, d); roots != 2 {
		t.Fatalf("%d roots of two images", roots)
	}
	must(t, d.client.ImageService().Delete(d.in(ctx), "mine:1")) // else it keeps the first image's root
	prune(0, ref)
	if _, roots, _ := held(t, d); roots != 2 {
		t.Errorf("%d roots are left while an instance lives on each", roots)
	}
	if got := invoke(t, old, `{"a":1}`); !strings.Contains(got, `"a":1`) {
		t.Errorf("the old instance says %s", got)
	}
	remove(t, old)
	if gone := prune(time.Hour, ref); len(gone) > 0 {
		t.Errorf("%v went before their time", gone)
	}
	_, _, before := held(t, d)
	if gone := prune(0, ref); len(gone) > 0 {
		t.Errorf("%v went, which is in use", gone)
	}
	collected(t, d)
	if _, roots, layers := held(t, d); roots != 1 || layers >= before {
		t.Errorf("%d roots, %d snapshots of %d are left", roots, layers, before)
	}
	if got := invoke(t, now, `{"a":2}`); !strings.Contains(got, `"a":2`) {
		t.Errorf("the new instance says %s", got)
	}
	remove(t, now)
	must(t, d.Import(ctx, archive, "mine:2"))
	if gone := prune(0); !slices.Equal(gone, []string{ref}) {
		t.Errorf("without a function %v went", gone)
	}
	if names, _, _ := held(t, d); !slices.Equal(names, []string{"mine:2"}) {
		t.Errorf("%v are left", names)
	}
	must(t, d.client.ImageService().Delete(d.in(ctx), "mine:2", images.SynchronousDelete()))
	prune(0)
	if _, roots, _ := held(t, d); roots != 0 {
		t.Errorf("%d roots of no image are left", roots)
	}
	again := started(t, d, config(t, spec.Function{Image: ref})) // deployed again: all of it is made anew
	if got := invoke(t, again, `{"a":3}`); !strings.Contains(got, `"a":3`) {
		t.Errorf("deployed again it says %s", got)
	}
	remove(t, again)
}

// neighbour is another server's driver on the first one's daemon and namespace.
func neighbour(t *testing.T, d *Driver) *Driver {
	t.Helper()
	o := d.o
	o.Address, o.Data, o.State = d.daemon.Socket, t.TempDir(), filepath.Join(t.TempDir(), "neighbour")
	second, err := New(testContext(t), o)
	must(t, err)
	t.Cleanup(func() { must(t, second.Close()) })
	return second
}

// TestAnImageOfTwoServers stays until no function of either stands for it, whoever brought it; and a name that somebody gave
// it by hand stays with its files.
func TestAnImageOfTwoServers(t *testing.T) {
	a := newDriver(t)
	b := neighbour(t, a)
	ctx := testContext(t)
	ref, _ := pushed(t, strings.TrimPrefix(writeImage(t, v1.Config{Cmd: []string{"/a"}}, file{path: "a", mode: 0o644, body: []byte("a")}), "oci:"))
	archive := filepath.Join(t.TempDir(), "f.tar")
	build := func(word string) {
		t.Helper()
		dir := writeImage(t, v1.Config{Cmd: []string{"/f"}}, file{path: "word", mode: 0o644, body: []byte(word)})
		pack(t, strings.TrimPrefix(dir, "oci:"), archive)
	}
	build("one")
	refs := []string{ref, "oci:" + archive}
	get := func(d *Driver) {
		t.Helper()
		for _, ref := range refs {
			_, err := d.images.Get(d.in(ctx), ref, nil)
			must(t, err)
		}
	}
	prune := func(d *Driver, refs ...string) int {
		t.Helper()
		gone, err := d.PruneImages(ctx, refs, 0)
		must(t, err)
		return len(gone)
	}
	get(a)
	get(b)
	build("two") // brought again by the one, it is still the other's too
	get(a)
	img, err := a.client.ImageService().Get(a.in(ctx), refs[1])
	must(t, err)
	img.Name = "mine:1" // as the tools' tag does, with all labels
	_, err = a.client.ImageService().Create(a.in(ctx), img)
	must(t, err)
	for range 2 {
		if n := prune(a); n != 0 {
			t.Fatalf("the one removed %d of the other's images, or a name of somebody's", n)
		}
	}
	if n := prune(b, refs...); n != 0 {
		t.Fatalf("the other removed %d that it uses", n)
	}
	get(a)
	if n := prune(b); n != 0 {
		t.Fatalf("the other removed %d that the one uses again", n)
	}
	if n := prune(a); n != 2 {
		t.Errorf("%d went, of two that nobody uses", n)
	}
	if names, _, _ := held(t, a); !slices.Equal(names, []string{"mine:1"}) {
		t.Errorf("%v are left", names)
	}
}

// TestAnImportUnderAFunctionsName makes the image somebody's, which stays.
func TestAnImportUnderAFunctionsName(t *testing.T) {
	d := newDriver(t)
	ctx := testContext(t)
	dir := strings.TrimPrefix(writeImage(t, v1.Config{Cmd: []string{"/a"}}, file{path: "a", mode: 0o644, body: []byte("a")}), "oci:")
	ref, _ := pushed(t, dir)
	_, err := d.images.Get(d.in(ctx), ref, nil)
	must(t, err)
	must(t, d.Import(ctx, dir, ref))
	gone, err := d.PruneImages(ctx, nil, 0)
	must(t, err)
	if len(gone) > 0 {
		t.Errorf("%v went, which was imported by hand", gone)
	}
}

// TestWhatATagStoodFor goes when no function is pinned to it any more.
func TestWhatATagStoodFor(t *testing.T) {
	d := newDriver(t)
	ctx := testContext(t)
	build := func(word string) string {
		return strings.TrimPrefix(writeImage(t, v1.Config{Cmd: []string{"/" + word}}, file{path: "a", mode: 0o644, body: []byte(word)}), "oci:")
	}
	ref, _ := pushed(t, build("one"))
	var pinned []string
	for _, word := range []string{"one", "two"} {
		writeTag(t, ref, build(word))
		digest, err := d.PinImage(ctx, ref, "")
		must(t, err)
		pinned = append(pinned, ref+"@"+digest)
		_, err = d.images.Get(d.in(ctx), pinned[len(pinned)-1], nil)
		must(t, err)
	}
	gone, err := d.PruneImages(ctx, pinned[1:], 0)
	must(t, err)
	digest := func(ref string) string { _, d, _ := strings.Cut(ref, "@"); return d }
	if names, _, _ := held(t, d); len(gone) != 1 || digest(gone[0]) != digest(pinned[0]) || len(names) != 1 || digest(names[0]) != digest(pinned[1]) {
		t.Errorf("%v went, %v stayed; %v are used", gone, names, pinned[1:])
	}
}

// TestAnArchiveNamesNoOtherImage: the names in it are its own affair, and no record of another image becomes its own.
func TestAnArchiveNamesNoOtherImage(t *testing.T) {
	d := newDriver(t)
	ctx := d.in(testContext(t))
	mine := writeImage(t, v1.Config{Cmd: []string{"/mine"}}, file{path: "a", mode: 0o644, body: []byte("mine")})
	other := strings.TrimPrefix(writeImage(t, v1.Config{Cmd: []string{"/other"}}, file{path: "a", mode: 0o644, body: []byte("other")}), "oci:")
	must(t, d.Import(ctx, strings.TrimPrefix(mine, "oci:"), "docker.io/library/mine:1"))
	p, err := layout.FromPath(other)
	must(t, err)
	index, err := p.ImageIndex()
	must(t, err)
	list, err := index.IndexManifest()
	must(t, err)
	img, err := index.Image(list.Manifests[0].Digest)
	must(t, err)
	names := map[string]string{"io.containerd.image.name": "docker.io/library/mine:1", "org.opencontainers.image.ref.name": "docker.io/library/mine:1"}
	must(t, p.ReplaceImage(img, func(v1.Descriptor) bool { return true }, layout.WithAnnotations(names)))
	archive := filepath.Join(t.TempDir(), "other.tar")
	pack(t, other, archive)
	docker := filepath.Join(t.TempDir(), "docker.tar")
	saved(t, img, "mine:1", docker)
	for _, path := range []string{other, archive, docker} {
		got, err := d.images.Get(ctx, "oci:"+path, nil)
		must(t, err)
		if got.Config.Cmd[0] != "/other" {
			t.Errorf("%s runs %s", path, got.Config.Cmd)
		}
	}
	if got, err := d.images.Get(ctx, "mine:1", nil); err != nil || got.Config.Cmd[0] != "/mine" {
		t.Errorf("mine runs %+v, %v", got, err)
	}
	if all, _, _ := held(t, d); len(all) != 4 {
		t.Errorf("the records are %v", all)
	}
}

// saved writes what docker save before version 25 does.
func saved(t *testing.T, img v1.Image, tag, path string) {
	t.Helper()
	as, err := name.NewTag(tag)
	must(t, err)
	must(t, tarball.WriteToFile(path, as, img))
}
