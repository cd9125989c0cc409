package wan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

func TestBuildIsReproducibleAndReplacesABundle(t *testing.T) {
	first, err := weights.ReadManifest(demoBundle(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "deep", "bundle")
	for range 2 { // the second finds the first in its place
		m, err := serve.Build(context.Background(), demoCheckpoint, dir, Recipe, bundle.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if m.Digest != first.Digest || m.Name != "wan21-tiny" || m.Family != Family21 {
			t.Errorf("%s %s %s, the first build gave %s", m.Family, m.Name, m.Digest, first.Digest)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 1 {
		t.Errorf("beside the bundle lie %v, %v", entries, err)
	}
}

// TestTheBundlePublishesTheSchema: what is built is what the model itself says of its limits.
func TestTheBundlePublishesTheSchema(t *testing.T) {
	m, err := weights.ReadManifest(demoBundle(t))
	if err != nil {
		t.Fatal(err)
	}
	d := Model{Pipeline: openPipeline(t, demoBundle(t), engine.Options{})}.Describe()
	var got bytes.Buffer
	if err := json.Compact(&got, m.Schema); err != nil {
		t.Fatal(err)
	}
	if want := handler.Schema(d); got.String() != string(want) || !strings.Contains(string(want), `"multipleOf":16`) {
		t.Errorf("the bundle says %s, the model %s", m.Schema, want)
	}
}

func TestBuildRefusesAFolderThatIsNoBundle(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := serve.Build(context.Background(), demoCheckpoint, dir, Recipe, bundle.Options{}); !errdefs.IsAlreadyExists(err) {
		t.Errorf("got %v", err)
	}
}

// noDisk fails as a full disk would, in the middle of a build.
type noDisk struct{ err error }

func (d noDisk) Optimise(context.Context, string, string) error { return d.err }

func TestFailedBuildLeavesNothing(t *testing.T) {
	parent, full := t.TempDir(), errors.New("no space left on device")
	_, err := serve.Build(context.Background(), demoCheckpoint, filepath.Join(parent, "bundle"), Recipe, bundle.Options{Targets: []bundle.Target{{Engine: "cpu", Optimiser: noDisk{full}}}})
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(parent); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// copyCheckpoint copies the demo checkpoint and lets change edit one of its files.
func copyCheckpoint(t *testing.T, file string, change func(raw []byte) []byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "checkpoint")
	if err := os.CopyFS(dir, os.DirFS(demoCheckpoint)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "SHA256SUMS")); err != nil { // the change is meant
		t.Fatal(err)
	}
	path := filepath.Join(dir, file)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestUnfitCheckpointsAreNamed(t *testing.T) {
	swap := func(old, new string) func([]byte) []byte {
		return func(raw []byte) []byte { return []byte(strings.Replace(string(raw), old, new, 1)) }
	}
	for _, c := range []struct {
		file, want string
		change     func([]byte) []byte
	}{
		{"transformer/config.json", "its configuration needs [", swap(`"attention_head_dim": 64`, `"attention_head_dim": 32`)},
		{"transformer/config.json", "rms_norm_across_heads is supported", swap(`rms_norm_across_heads`, `layer_norm`)},
		{"vae/config.json", "decoder.up_blocks.0.upsampler", swap(`"is_residual": false`, `"is_residual": true`)},
		{"text_encoder/config.json", "feed_forward_proj", swap(`gated-gelu`, `swish`)},
		{"tokenizer/tokenizer.json", "tokenizer", swap(`Unigram`, `Bigram`)},
	} {
		_, err := serve.Build(context.Background(), copyCheckpoint(t, c.file, c.change), filepath.Join(t.TempDir(), "b"), Recipe, bundle.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v", c.file, c.want, err)
		}
	}
}

func TestOpenRefusesABundleOfAnotherFamily(t *testing.T) {
	b := &weights.Bundle{Manifest: weights.Manifest{Family: "waver"}, Dir: "here"}
	if _, err := Open(context.Background(), &bundle.Model{Bundle: b}, Family21); !errdefs.IsInvalidArgument(err) {
		t.Errorf("got %v", err)
	}
}
