package e2e

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// copied gives a copy of a folder that a test may damage.
func copied(t *testing.T, from, to string) string {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func truncate(t *testing.T, file string) {
	t.Helper()
	st, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, st.Size()/2); err != nil {
		t.Fatal(err)
	}
}

// flip changes one bit in the middle, where weights lie.
func flip(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

var twoDigests = regexp.MustCompile(`[0-9a-f]{64}`)

func namesTwoDigests(t *testing.T, said string) {
	t.Helper()
	found := map[string]bool{}
	for _, d := range twoDigests.FindAllString(said, -1) {
		if _, err := hex.DecodeString(d); err == nil {
			found[d] = true
		}
	}
	if len(found) < 2 {
		t.Errorf("does not name the expected and the found digest: %s", said)
	}
}

func TestDamagedCheckpoint(t *testing.T) {
	dir := t.TempDir()
	const weights = "vae/diffusion_pytorch_model.safetensors"
	for name, c := range map[string]struct {
		damage  func(t *testing.T, file string)
		digests bool
		want    []string
	}{
		"truncated":   {truncate, false, []string{weights}},
		"bit-flipped": {flip, true, []string{weights}},
		"missing":     {func(_ *testing.T, f string) { os.Remove(f) }, false, []string{weights, "no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			from := copied(t, filepath.Join(root, checkpoint), filepath.Join(dir, name))
			c.damage(t, filepath.Join(from, weights))
			out := filepath.Join(dir, name+".bundle")
			said, err := command(t, nil, "models", "build", from, "-o", out)
			if err == nil {
				t.Fatalf("a bundle was built: %s", said)
			}
			says(t, said, c.want...)
			if c.digests {
				namesTwoDigests(t, said)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("half a bundle is left")
			}
		})
	}
}

func TestDamagedBundle(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		good := need(t, bundle)
		for _, name := range []string{"cut", "flipped", "graph"} {
			h.open(copied(t, good, h.path("models", name)))
			h.function(name, "wan21", "model: {name: "+name+", bundle: "+name+"}\n")
		}
		truncate(t, h.path("models/cut/weights.bin"))
		flip(t, h.path("models/flipped/weights.bin"))
		flip(t, h.path("models/graph/transformer.cpu.onnx"))
		h.function("none", "wan21", "model: {name: none, bundle: /not/there}\n")
		s := h.serve(t)
		for name, want := range map[string][]string{
			"cut": {"weights.bin", "bytes"}, "flipped": {"weights.bin"}, "graph": {"transformer.cpu.onnx"}, "none": {"/not/there"},
		} {
			t.Run(name, func(t *testing.T) {
				a := s.do(t, "POST", "/fn/"+name+"/", request(`"prompt":"a"`))
				if a.status < 400 {
					t.Errorf("status %d", a.status)
				}
				says(t, string(a.body), want...)
				if name == "flipped" || name == "graph" {
					namesTwoDigests(t, string(a.body))
				}
				t.Logf("%d %s", a.status, a.body)
			})
		}
	})
}

func TestMissingONNXRuntimeIsOneSentence(t *testing.T) {
	h := newHome(t, "process")
	h.wan21(need(t, bundle), "env: {VIDEOSDGX_ORT_LIB: /not/there/libonnxruntime.so}\n")
	s := h.serve(t)
	a := s.do(t, "POST", "/fn/wan21/", request(`"prompt":"a"`))
	if a.status < 400 {
		t.Errorf("status %d", a.status)
	}
	says(t, string(a.body), "/not/there/libonnxruntime.so", "make setup")
	if strings.Contains(string(a.body), "goroutine ") {
		t.Errorf("a stack trace is no sentence: %s", a.body)
	}
}
