package registry

import (
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestSetMinInstancesOfAPublishedVersion(t *testing.T) {
	cfg := Config{Data: t.TempDir()}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := r.Put(ctx, spec.Function{Name: "f", Image: "x", Concurrency: 3, MinInstances: 1}); err != nil {
		t.Fatal(err)
	}
	if v, err := r.Publish(ctx, "f", ""); err != nil || v.MinInstances != 0 {
		t.Fatalf("publishing keeps instances: %+v %v", v, err)
	}
	heard := 0
	r.Subscribe(func(string) { heard++ })
	for _, version := range []string{"1", "$LATEST"} {
		if fn, err := r.SetMinInstances(ctx, "f", version, 2); err != nil || fn.MinInstances != 2 || fn.Version != version {
			t.Errorf("%s: %+v %v", version, fn, err)
		}
	}
	if heard != 2 {
		t.Errorf("heard %d changes", heard)
	}
	if v, err := r.Publish(ctx, "f", ""); err != nil || v.Version != "1" {
		t.Errorf("provisioning made a new version: %+v %v", v, err)
	}
	if _, err := r.SetMinInstances(ctx, "f", "1", 4); !errdefs.IsInvalidArgument(err) {
		t.Error(err)
	}
	if _, err := r.SetMinInstances(ctx, "f", "7", 1); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if fn, err := again.Get(ctx, "f", "1"); err != nil || fn.MinInstances != 2 {
		t.Errorf("after a restart: %+v %v", fn, err)
	}
}
