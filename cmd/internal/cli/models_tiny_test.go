package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A newcomer has no checkpoint of MAGI-1: this one is written in the published layout, says that it is noise, and can be built.
func TestATinyCheckpointIsWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "magi1-tiny")
	out, err := models(t, "tiny", "magi1", "-o", dir)
	if err != nil || !strings.Contains(out, "random weights") || !strings.Contains(out, "videosdgx models build "+dir) {
		t.Fatalf("%q, %v", out, err)
	}
	for _, name := range []string{"model_index.json", "special_tokens.npz", "transformer/config.json", "vae/config.json", "text_encoder/config.json", "tokenizer/tokenizer.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if out, err := models(t, "build", dir, "--plan"); err != nil || !strings.Contains(out, "magi1 bundle magi1-tiny in nf4") || !strings.Contains(out, "keys and values of 4 finished chunks") {
		t.Errorf("%v\n%s", err, out)
	}
	before, err := os.ReadFile(filepath.Join(dir, "transformer", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := models(t, "tiny", "magi1", "-o", dir); err == nil || !strings.Contains(err.Error(), "is there and not empty: remove it, or name another folder with -o") {
		t.Errorf("over what is there: %v", err)
	}
	again := filepath.Join(t.TempDir(), "again")
	out, err = models(t, "tiny", "magi1", "-o", again, "--json")
	var c writtenCheckpoint
	if err != nil || json.Unmarshal([]byte(out), &c) != nil || c.Path != again || c.Family != "magi1" || c.Bytes < 1<<20 || !c.Random {
		t.Errorf("%q, %v", out, err)
	}
	if after, err := os.ReadFile(filepath.Join(again, "transformer", "model.safetensors")); err != nil || string(after) != string(before) {
		t.Errorf("the second time its weights are others, %v", err)
	}
	if _, err := models(t, "tiny", "sora"); err == nil || !strings.Contains(err.Error(), "ltx2, magi1 would do") {
		t.Errorf("of a family that there is not: %v", err)
	}
}

// A tiny LTX-2 has sound and an upsampler, and is built and planned as any; TensorRT's plans it needs none.
func TestATinyCheckpointWithSound(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ltx2-tiny")
	if out, err := models(t, "tiny", "ltx2", "-o", dir); err != nil || !strings.Contains(out, "checkpoint of ltx2") {
		t.Fatalf("%q, %v", out, err)
	}
	for _, part := range []string{"audio_vae", "vocoder", "latent_upsampler"} {
		if _, err := os.Stat(filepath.Join(dir, part, "config.json")); err != nil {
			t.Error(err)
		}
	}
	if out, err := models(t, "build", dir, "--plan"); err != nil || !strings.Contains(out, "ltx2 bundle ltx2-tiny in nf4") || !strings.Contains(out, "vocoder") {
		t.Errorf("%v\n%s", err, out)
	}
	to := filepath.Join(t.TempDir(), "bundle")
	if out, err := models(t, "build", dir, "--engines", "cuda", "-o", to); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := models(t, "plan", to); err == nil || !strings.Contains(err.Error(), "of ltx2 and needs none") || !strings.Contains(err.Error(), "--engines cpu,cuda") {
		t.Errorf("it says %v", err)
	}
}
