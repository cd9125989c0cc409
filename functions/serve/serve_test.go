package serve

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

func TestTheEnvironmentIsChecked(t *testing.T) {
	for name, value := range map[string]string{ThreadsEnv: "none", DeviceEnv: "tpu", MemoryEnv: "much"} {
		t.Setenv(name, value)
		if _, err := Bundle(openToy)(context.Background(), t.TempDir()); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "would do") {
			t.Errorf("%s=%s: %v", name, value, err)
		}
		os.Unsetenv(name)
	}
}

func TestALicenceWantsAnAnswer(t *testing.T) {
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), "bundle")
	strict := func(c *weights.Checkpoint) (bundle.Recipe, error) {
		r, err := toyRecipe(c)
		r.License = &weights.License{Name: "toys-only"}
		return r, err
	}
	if _, err := Build(ctx, toyCheckpoint(t), dir, strict, bundle.Options{}); err != nil {
		t.Fatal(err)
	}
	for answer, ok := range map[string]bool{"": false, "yes": false, "Toys-Only": true} {
		t.Setenv(LicenseEnv, answer)
		m, err := Bundle(openToy)(ctx, dir)
		if (err == nil) != ok || !ok && !strings.Contains(err.Error(), "model.acceptLicense: toys-only would do") {
			t.Errorf("%q: %v", answer, err)
		}
		if err == nil {
			if d := m.Describe(); d.License != "toys-only" {
				t.Errorf("%+v", d)
			}
			m.(placed).Model.(plain).Model.(toy).sessions.Close()
		}
	}
}

// What the weights are held as, and why, is said of a model.
func TestThePrecisionIsSaid(t *testing.T) {
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), "bundle")
	two := func(c *weights.Checkpoint) (bundle.Recipe, error) {
		r, err := toyRecipe(c)
		r.Precision, r.Blackwell = "nf4", bundle.None
		return r, err
	}
	if _, err := Build(ctx, toyCheckpoint(t), dir, two, bundle.Options{Capability: "12.1"}); err != nil {
		t.Fatal(err)
	}
	m, err := Bundle(openToy)(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.(placed).Model.(plain).Model.(toy).sessions.Close()
	if d := m.Describe(); d.Precision != "none (auto: the GPU has compute capability 12.1)" {
		t.Errorf("it says %q", d.Precision)
	}
}
