package registry

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

func TestReservedConcurrencyIsOfEveryVersion(t *testing.T) {
	w := newWorld(t)
	w.manifest("echo", echo+"concurrency: 8\n")
	w.until("loading", has(w, "echo"))
	if _, err := w.Publish(ctx, "echo", ""); err != nil {
		t.Fatal(err)
	}
	limits := func(want int) {
		t.Helper()
		for _, q := range []string{"", "1"} {
			if fn := w.get("echo", q); fn.MaxInstances() != want || fn.Concurrency != 8 {
				t.Errorf("version %q may have %d instances, want %d", q, fn.MaxInstances(), want)
			}
		}
	}
	limits(8)
	three, none := 3, 0
	digest := w.get("echo", "").Digest
	if fn, err := w.Reserve(ctx, "echo", &three); err != nil || fn.MaxInstances() != 3 || fn.Digest != digest {
		t.Fatalf("%+v %v", fn, err)
	}
	limits(3)
	if _, err := w.Put(ctx, w.get("echo", "")); err != nil { // as a change of anything else does it
		t.Fatal(err)
	}
	if v, err := w.Publish(ctx, "echo", ""); err != nil || v.Version != "1" {
		t.Errorf("a reservation made version %s: %v", v.Version, err)
	}
	w.reopen()
	limits(3)
	if _, err := w.Reserve(ctx, "echo", &none); err != nil {
		t.Fatal(err)
	}
	limits(0)
	if _, err := w.Reserve(ctx, "echo", nil); err != nil {
		t.Fatal(err)
	}
	limits(8)
}

func TestAReservationHoldsUntilTheManifestChanges(t *testing.T) {
	w := newWorld(t)
	w.manifest("echo", echo)
	w.until("loading", has(w, "echo"))
	n := 5
	if _, err := w.Reserve(ctx, "echo", &n); err != nil {
		t.Fatal(err)
	}
	w.manifest("echo", echo+"concurrency: 2\n")
	w.until("the manifest's number", func() bool { fn := w.get("echo", ""); return fn.MaxInstances() == 2 })
}

func TestReserveRefusesWhatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.manifest("echo", echo+"concurrency: 4\nminInstances: 2\n")
	w.until("loading", has(w, "echo"))
	for n, want := range map[int]string{-1: "takes 0 to", 1: "minInstances", 10001: "takes 0 to"} {
		if _, err := w.Reserve(ctx, "echo", &n); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", n, err)
		}
	}
	n := 6
	if _, err := w.Reserve(ctx, "nope", &n); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
	if _, err := w.Reserve(ctx, "echo", &n); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"$LATEST", "1"} {
		if version == "1" {
			if _, err := w.Publish(ctx, "echo", ""); err != nil {
				t.Fatal(err)
			}
		}
		if fn, err := w.SetMinInstances(ctx, "echo", version, 6); err != nil || fn.MinInstances != 6 {
			t.Errorf("%s: as many as are reserved: %v", version, err)
		}
		if _, err := w.SetMinInstances(ctx, "echo", version, 7); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s: more than are reserved: %v", version, err)
		}
	}
}

// TestWhatIsWarmMayStay: when the reservation goes that made room for provisioned instances, they stay, and every other
// change to the function goes on being taken; one that asks for more of them is not.
func TestWhatIsWarmMayStay(t *testing.T) {
	w := newWorld(t)
	w.manifest("echo", echo)
	w.until("loading", has(w, "echo"))
	n := 3
	if _, err := w.Reserve(ctx, "echo", &n); err != nil {
		t.Fatal(err)
	}
	if _, err := w.SetMinInstances(ctx, "echo", "$LATEST", 2); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Reserve(ctx, "echo", nil); err != nil {
		t.Fatal(err)
	}
	fn := w.get("echo", "")
	fn.Description = "changed"
	if got, err := w.Put(ctx, fn); err != nil || got.MinInstances != 2 || got.Description != "changed" {
		t.Errorf("%+v, %v", got, err)
	}
	fn.MinInstances = 3
	if _, err := w.Put(ctx, fn); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "0 to 2") {
		t.Errorf("more than there were: %v", err)
	}
}
