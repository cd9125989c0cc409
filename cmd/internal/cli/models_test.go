package cli

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// models runs `videosdgx models …` and gives what it printed.
func models(t *testing.T, args ...string) (string, error) {
	t.Helper()
	t.Setenv("VIDEOSDGX_CACHE", t.TempDir())
	cmd := newModelsCmd()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&bytes.Buffer{})
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(context.Background())
	return out.String(), err
}

func sealedModel(t *testing.T) (folder, dir string) {
	t.Helper()
	folder = t.TempDir()
	dir = filepath.Join(folder, "tiny")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "w.bin"), bytes.Repeat([]byte("w"), 3000), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := weights.Seal(context.Background(), dir, weights.Manifest{Family: "wan21", Name: "tiny", Precision: "nf4", License: &weights.License{Name: "some-licence"}}, nil); err != nil {
		t.Fatal(err)
	}
	return folder, dir
}

func TestModelsLsVerifyInspectRm(t *testing.T) {
	folder, dir := sealedModel(t)
	for _, c := range []struct{ args, want string }{
		{"ls", "tiny  wan21   2.9 KiB"},
		{"ls --json", `"family": "wan21"`},
		{"verify tiny", "1 files of the bundle are what they should be"},
		{"verify tiny --json", `"fingerprint":`},
		{"inspect tiny", "w.bin  2.9 KiB"},
		{"inspect tiny", "wan21 bundle tiny in nf4, 1 files"},
		{"inspect tiny", "licence: some-licence; who serves it accepts that in function.yaml: model.acceptLicense: some-licence\n"},
		{"inspect tiny --json", `"kind": "bundle"`},
	} {
		out, err := models(t, append(strings.Fields(c.args), "--models", folder)...)
		if err != nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v\n%s", c.args, err, out)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "w.bin"), bytes.Repeat([]byte("v"), 3000), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := models(t, "verify", "tiny", "--models", folder); err == nil || !strings.Contains(err.Error(), "w.bin is damaged: expected sha256:") {
		t.Errorf("a damaged bundle: %v", err)
	}
	if _, err := models(t, "rm", folder, "--models", folder); err == nil || !strings.Contains(err.Error(), "is no bundle") {
		t.Errorf("removing something else: %v", err)
	}
	if out, err := models(t, "rm", "tiny", "--models", folder); err != nil || !strings.Contains(out, "removed") {
		t.Errorf("%s, %v", out, err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Error("the bundle is still there")
	}
	if _, err := models(t, "verify", "tiny", "--models", folder); err == nil || !strings.Contains(err.Error(), "models ls") {
		t.Errorf("an unknown model: %v", err)
	}
}

func TestModelsInspectCheckpoint(t *testing.T) {
	out, err := models(t, "inspect", "../../../images/demo/wan21-tiny")
	if err != nil || !strings.Contains(out, "WanPipeline") || !strings.Contains(out, "patch_embedding.weight") {
		t.Errorf("%v\n%.300s", err, out)
	}
}

func TestModelsBuildRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "model_index.json"), []byte(`{"_class_name":"FluxPipeline"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]string{dir: "WanImageToVideoPipeline, WanPipeline", "/nowhere": "models pull", t.TempDir(): "no model_index.json"} {
		if _, err := models(t, "build", arg, "-o", filepath.Join(t.TempDir(), "b")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", arg, want, err)
		}
	}
}

func TestModelsPull(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	body := []byte(`{"_class_name":"WanPipeline"}`)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/revision/v2"):
			fmt.Fprintf(w, `{"sha":%q}`, commit)
		case strings.Contains(r.URL.Path, "/tree/"):
			fmt.Fprintf(w, `[{"type":"file","path":"model_index.json","size":%d,"oid":"%x"}]`, len(body), sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(body), body)))
		case strings.Contains(r.URL.Path, "/resolve/"+commit+"/"):
			w.Write(body)
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	t.Setenv("HF_ENDPOINT", srv.URL)
	t.Setenv("HF_TOKEN", "x")
	dir := filepath.Join(t.TempDir(), "m")
	out, err := models(t, "pull", "o/m", "--revision", "v2", "-o", dir, "--json")
	var p pulled
	if err != nil || json.Unmarshal([]byte(out), &p) != nil || p.Files != 1 || p.Commit != commit {
		t.Fatalf("%v %s", err, out)
	}
	if out, err := models(t, "verify", dir); err != nil || !strings.Contains(out, "1 files of the checkpoint") {
		t.Errorf("%v %s", err, out)
	}
	if _, err := models(t, "pull", "o/other", "--revision", "v9", "-o", dir); err == nil || !strings.Contains(err.Error(), "check the name") {
		t.Errorf("an unknown repository: %v", err)
	}
}
