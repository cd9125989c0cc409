package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// TestAFamilyIsOneEntry: a family that joins the list is in every command, and each goes where its entry says.
func TestAFamilyIsOneEntry(t *testing.T) {
	before := known
	defer func() { known = before }()
	built, planned, noise := errors.New("toy: built"), errors.New("toy: shapes"), errors.New("toy: noise")
	known = append(slices.Clone(before), serve.Family{
		Name: "toy", Classes: []string{"ToyPipeline"}, Presets: []string{"2step"},
		Recipe: func(*weights.Checkpoint) (bundle.Recipe, error) { return bundle.Recipe{}, built },
		Shapes: func(weights.Manifest) (bundle.Shapes, error) { return bundle.Shapes{}, planned },
		Random: func(*weights.Checkpoint, int64) (bundle.Recipe, error) { return bundle.Recipe{}, noise },
		Tiny: func(dir string) error {
			return errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "model_index.json"), []byte(`{"_class_name":"ToyPipeline"}`), 0o600))
		},
	})
	checkpoint, sealed := filepath.Join(t.TempDir(), "toy-tiny"), t.TempDir()
	if out, err := models(t, "tiny", "toy", "-o", checkpoint); err != nil || !strings.Contains(out, "checkpoint of toy") {
		t.Fatalf("%q, %v", out, err)
	}
	if _, err := weights.Seal(context.Background(), sealed, weights.Manifest{Family: "toy", Name: "toy", Precision: "none"}, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want error
	}{
		{[]string{"build", checkpoint, "-o", filepath.Join(t.TempDir(), "out")}, built},
		{[]string{"build", checkpoint, "--plan"}, built},
		{[]string{"random", checkpoint, "-o", filepath.Join(t.TempDir(), "out")}, noise},
		{[]string{"plan", sealed, "--target", "sm_121"}, planned},
	} {
		if _, err := models(t, c.args...); !errors.Is(err, c.want) {
			t.Errorf("%v: %v", c.args, err)
		}
	}
	for want, args := range map[string][]string{"magi1, toy": {"tiny", "--help"}, "2step, 4step, 8step": {"build", "--help"}, "magi1, toy would do": {"tiny", "sora"}} {
		if out, err := models(t, args...); !strings.Contains(out, want) && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v: %q, %v", args, out, err)
		}
	}
}
