package wan

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// TestTwoDevicesMakeTheSameClip spreads the denoiser over two sessions on the CPU, whole and in parts.
func TestTwoDevicesMakeTheSameClip(t *testing.T) {
	spread(t, demoBundle(t), "14000000", graphTransformer)
}

// TestTwoDevicesShareBothExperts: the one that takes over from the first is no less work.
func TestTwoDevicesShareBothExperts(t *testing.T) {
	kernelstest.Library(t)
	dir := filepath.Join(t.TempDir(), "pair")
	if _, err := serve.Build(context.Background(), twoExperts(t), dir, Recipe, bundle.Options{}); err != nil {
		t.Fatal(err)
	}
	spread(t, dir, "28000000", graphTransformer, graphSecond)
}

// spread makes a clip on one device and on two that have each of the graphs whole and, where a device has so much memory, in parts.
func spread(t *testing.T, dir, little string, graphs ...string) {
	t.Helper()
	latents := func(device, memory string, width int) (v []float32) {
		t.Setenv(serve.DeviceEnv, device)
		t.Setenv(serve.MemoryEnv, memory)
		p := openPipeline(t, dir, engine.Options{})
		for _, graph := range graphs {
			s, err := p.sessions.Get(context.Background(), graph)
			if err != nil || engine.Width(s) != width {
				t.Fatalf("on %s the session of %s is %d wide, %v", device, graph, engine.Width(s), err)
			}
		}
		p.memory = 0 // what has the weights lie apart is less than a process takes
		out := silence()
		out.Latents = func(l []float32) { v = slices.Clone(l) }
		if err := p.Generate(context.Background(), small(), out); err != nil {
			t.Fatal(err)
		}
		return v
	}
	want := latents("cpu", "", 1)
	for name, memory := range map[string]string{"whole": "", "in parts": little} {
		if got := latents("cpu,cpu", memory, 2); len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("the denoiser %s: another clip", name)
		}
	}
}
