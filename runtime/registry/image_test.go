package registry

import (
	"context"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestATagIsResolvedWhenItIsDeployed, and then alone: what moves it later is another deployment's, and a published version
// keeps what it was published with, be the server started anew.
func TestATagIsResolvedWhenItIsDeployed(t *testing.T) {
	stands := "sha256:one"
	cfg := Config{Data: t.TempDir(), Log: quiet, Image: func(_ context.Context, ref, serves string) (string, error) {
		if stands == "" {
			return serves, nil
		}
		if ref != "reg.example/f:latest" {
			return "", nil
		}
		return stands, nil
	}}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	put := func(fn spec.Function) spec.Function {
		t.Helper()
		fn, err := r.Put(t.Context(), fn)
		if err != nil {
			t.Fatal(err)
		}
		return fn
	}
	want := func(what string, fn spec.Function, digest string) {
		t.Helper()
		if fn.Resolved != digest || digest != "" && fn.Ref() != fn.Image+"@"+digest {
			t.Errorf("%s: %q, as %q; want %q", what, fn.Resolved, fn.Ref(), digest)
		}
	}
	first := put(spec.Function{Name: "f", Image: "reg.example/f:latest"})
	want("deployed", first, "sha256:one")
	if _, err := r.Publish(t.Context(), "f", ""); err != nil {
		t.Fatal(err)
	}
	stands = "sha256:two"
	changed := first
	changed.Description = "another"
	if changed = put(changed); changed.Digest != first.Digest {
		t.Error("a description made another instance of it")
	}
	want("something else changed", changed, "sha256:one")
	again := changed
	again.Resolved = spec.Anew
	if again = put(again); again.Digest == first.Digest {
		t.Error("another image is run by the same instances")
	}
	want("deployed again", again, "sha256:two")
	stands, again.Resolved = "", spec.Anew
	again = put(again)
	want("without its registry", again, "sha256:two")
	stands = "sha256:three"
	local := put(spec.Function{Name: "g", Image: "imported:1", Resolved: spec.Anew})
	want("no registry's", local, "")
	again.Image, again.Resolved = "imported:1", spec.Anew
	want("another image", put(again), "")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	published, err := r.Get(t.Context(), "f", "1")
	if err != nil {
		t.Fatal(err)
	}
	want("published", published, "sha256:one")
}
