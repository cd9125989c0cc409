package wan

import (
	"context"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// TestTwoDevicesMakeTheSameClip spreads the denoiser over two sessions on the CPU, whole and in parts.
func TestTwoDevicesMakeTheSameClip(t *testing.T) {
	latents := func(device, memory string, width int) (v []float32) {
		t.Setenv(serve.DeviceEnv, device)
		t.Setenv(serve.MemoryEnv, memory)
		p := openPipeline(t, demoBundle(t), engine.Options{})
		s, err := p.sessions.Get(context.Background(), graphTransformer)
		if err != nil || engine.Width(s) != width {
			t.Fatalf("on %s the session is %d wide, %v", device, engine.Width(s), err)
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
	for name, memory := range map[string]string{"whole": "", "in parts": "14000000"} {
		if got := latents("cpu,cpu", memory, 2); len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("the denoiser %s: another clip", name)
		}
	}
}
