package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// TestABundleIsReplacedAtOnce looks for the bundle all the while that others take its place.
func TestABundleIsReplacedAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	build := func(precision string) {
		r, _, ctx := resumable(t, "")
		if _, err := Build(ctx, r, dir, Options{Targets: target(), Precision: precision}); err != nil {
			t.Error(err)
		}
	}
	build(None)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10 {
			build("bf16")
			build(None)
		}
	}()
	for looking := true; looking; {
		select {
		case <-done:
			looking = false
		default:
		}
		if _, err := weights.ReadManifest(dir); err != nil {
			t.Fatalf("while it is replaced: %v", err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestAKilledDeliveryIsNotGoneOnFrom is a build that ends between putting the bundle in its place and removing its workshop,
// where the old bundle lies now.
func TestAKilledDeliveryIsNotGoneOnFrom(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "stale.onnx"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	shop, err := openWorkshop(dir, "key")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(shop.deliver(dir), shop.lock.Close()); err != nil {
		t.Fatal(err)
	}
	again, err := openWorkshop(dir, "key")
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(again.fresh()); err != nil || len(left) != 0 {
		t.Errorf("the next build finds %v, %v", left, err)
	}
	if err := again.close(nil); err != nil {
		t.Error(err)
	}
}

// TestAWorkshopWithoutItsFolderBeginsAnew is one whose build was killed while it cleared what another had left.
func TestAWorkshopWithoutItsFolderBeginsAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	shop, err := openWorkshop(dir, "key")
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.WriteFile(shop.journal(), []byte("{}"), 0o644), os.RemoveAll(shop.fresh()), shop.lock.Close())
	if err != nil {
		t.Fatal(err)
	}
	again, err := openWorkshop(dir, "key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(again.journal()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the next build finds the journal of weights that are gone: %v", err)
	}
	if left, err := os.ReadDir(again.fresh()); err != nil || len(left) != 0 {
		t.Errorf("the next build finds %v, %v", left, err)
	}
	if err := again.close(nil); err != nil {
		t.Error(err)
	}
}

// TestALockThatWasRemovedHoldsNobody is a build that ends between another's opening its lock and asking for it.
func TestALockThatWasRemovedHoldsNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !isAt(f, path) {
		t.Error("a file that is there is not")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if isAt(f, path) {
		t.Error("a file that was removed is there")
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if isAt(f, path) {
		t.Error("a file takes another's place unnoticed")
	}
}

// TestAnOutputThatIsALinkStaysOne builds through a link, anew and over an old bundle, and refuses one that leads nowhere.
func TestAnOutputThatIsALinkStaysOne(t *testing.T) {
	place := t.TempDir()
	disk, link := filepath.Join(place, "disk", "bundle"), filepath.Join(place, "link")
	if err := os.Symlink(filepath.Join("disk", "bundle"), link); err != nil {
		t.Fatal(err)
	}
	r, _, ctx := resumable(t, "")
	if _, err := Build(ctx, r, link, Options{Targets: target(), Precision: None}); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("through a link to nothing: %v", err)
	}
	if err := os.MkdirAll(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, precision := range []string{None, "bf16"} {
		r, _, ctx := resumable(t, "")
		if _, err := Build(ctx, r, link, Options{Targets: target(), Precision: precision}); err != nil {
			t.Fatal(err)
		}
		st, err := os.Lstat(link)
		if err != nil || st.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link is %v, %v now", st, err)
		}
		if m, err := weights.ReadManifest(disk); err != nil || m.Precision != precision {
			t.Errorf("what it leads to is held as %q, %v; want %s", m.Precision, err, precision)
		}
	}
	for _, dir := range []string{place, filepath.Dir(disk)} {
		if left, err := filepath.Glob(filepath.Join(dir, ".*.building")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

// TestAPrecisionIsTheSameInCapitals: the same bundle with the same digest.
func TestAPrecisionIsTheSameInCapitals(t *testing.T) {
	var digests []string
	for _, precision := range []string{"bf16", "BF16"} {
		r, _, ctx := resumable(t, "")
		m, err := Build(ctx, r, filepath.Join(t.TempDir(), "bundle"), Options{Targets: target(), Precision: precision})
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, m.Digest)
	}
	if digests[0] != digests[1] {
		t.Errorf("digests %v", digests)
	}
}
