package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// A request's LoRA is merged into a bundle that shares what it does not change, and served by an instance of its own; the next
// request finds both. Through the URL, the job API and with what cannot be.
func TestLoRAsOfARequest(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.wan21(need(t, bundle), "")
		writeLoRA(t, h.path("models", "loras", "push.safetensors"))
		s := h.serve(t)
		plain := s.clip(t, `"prompt":"a red circle","seed":7`)
		const with = `"prompt":"a red circle","seed":7,"loras":[{"name":"push","strength":0.5}]`
		first, again := s.clip(t, with), s.clip(t, with)
		if first.Latents == plain.Latents || first.Latents != again.Latents {
			t.Errorf("plain %s, with the LoRA %s and %s", plain.Latents, first.Latents, again.Latents)
		}
		if s.clip(t, `"prompt":"a red circle","seed":7`).Latents != plain.Latents {
			t.Error("the plain model has changed")
		}
		if all := s.instances(t); len(all) != 2 {
			t.Errorf("instances %+v", all)
		}
		if dirs, err := os.ReadDir(h.path("models", "derived")); err != nil || len(dirs) != 1 {
			t.Errorf("%d derived bundles, %v", len(dirs), err)
		}
		a := s.do(t, "POST", "/fn/wan21/", request(`"prompt":"x","loras":[{"name":"none"}]`))
		if a.status != 422 || !strings.Contains(string(a.body), "push would do") {
			t.Errorf("%d %.300s", a.status, a.body)
		}
		a = s.do(t, "POST", "/fn/wan21/", request(`"ping":true,"loras":[{"name":"push","strength":"1"}]`))
		if a.status != 422 || !strings.Contains(string(a.body), "it must be a number") {
			t.Errorf("%d %.300s", a.status, a.body)
		}
		if err := os.WriteFile(h.path("models", "loras", "broken.safetensors"), []byte("no"), 0o600); err != nil {
			t.Fatal(err)
		}
		a = s.do(t, "POST", "/fn/wan21/", request(`"prompt":"x","loras":[{"name":"broken"}]`))
		if a.status != 422 || !strings.Contains(string(a.body), "LoRA broken.safetensors cannot be read") || strings.Contains(string(a.body), h.path()) {
			t.Errorf("%d %.300s", a.status, a.body)
		}
		s.removesLoRA(t, "push")
	})
}

// removesLoRA has the command take a LoRA away with what it was merged into, and with the instance that serves that.
func (s *server) removesLoRA(t *testing.T, name string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(need(t, programs), "videosdgx"), "models", "lora", "rm", name, "--server", s.url, "--json")
	cmd.Env = append(clean(os.Environ()), s.home.env...)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), `"instances": [`) {
		t.Errorf("%v: %s", err, out)
	}
	until(t, "the instance with the LoRA ends", func() bool { return len(s.instances(t)) == 1 })
	if dirs, err := os.ReadDir(s.home.path("models", "derived")); err != nil || len(dirs) != 0 {
		t.Errorf("%d derived bundles, %v", len(dirs), err)
	}
}

// writeLoRA writes one that moves the values of the demo's first block.
func writeLoRA(t *testing.T, path string) {
	t.Helper()
	fill := func(n int, v float32) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = v * float32(1-2*(i%2))
		}
		return out
	}
	name := "transformer.blocks.0.attn1.to_v."
	two := []weights.Tensor{weights.Float32Tensor(name+"lora_A.weight", []int64{1, 256}, fill(256, 0.1)), weights.Float32Tensor(name+"lora_B.weight", []int64{256, 1}, fill(256, 0.5))}
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = weights.Write(path, two, nil)
	}
	if err != nil {
		t.Fatal(fmt.Errorf("write a LoRA: %w", err))
	}
}
