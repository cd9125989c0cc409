package ltx2

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// demoCheckpoint is trained; LTX2_DEMO names another of its form.
func demoCheckpoint() string {
	if dir := os.Getenv("LTX2_DEMO"); dir != "" {
		return dir
	}
	return "../../images/demo/ltx2-tiny"
}

// The demo's weights, its prompts, the reference's noise: what the reference pipeline made of them.
func TestDemoMakesTheReferencesClips(t *testing.T) {
	kernelstest.Library(t)
	g := golden.OpenFile(t, filepath.Join(demoCheckpoint(), "reference.safetensors"))
	dir := filepath.Join(t.TempDir(), "bundle")
	if _, err := serve.Build(context.Background(), demoCheckpoint(), dir, Recipe, bundle.Options{Precision: bundle.None}); err != nil {
		t.Fatal(err)
	}
	m := openModel(t, dir)
	scale, err := strconv.ParseFloat(g.Metadata()["guidance"], 64)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := strconv.Atoi(g.Metadata()["steps"])
	if err != nil {
		t.Fatal(err)
	}
	for i, prompt := range strings.Split(strings.Trim(g.Metadata()["prompts"], `[]"`), `", "`) {
		if i > 0 && os.Getenv("LTX2_DEMO_ALL") == "" {
			break // the first is for every change; LTX2_DEMO_ALL=1 has the others too
		}
		d := m.defaults
		r := handler.Request{Prompt: prompt, Width: d.Width, Height: d.Height, NumFrames: d.Frames, FPS: d.FPS, Steps: steps, Guidance: scale, Values: map[string]any{"audio_guidance_scale": scale}}
		referenceClip(t, m, g, fmt.Sprintf("%d.", i), r)
	}
}

func referenceClip(t *testing.T, m Model, g *golden.Case, prefix string, r handler.Request) {
	t.Helper()
	o, err := m.order(r)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := m.texts(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) engine.Tensor {
		v, shape := g.Tensor(prefix + name)
		return engine.Floats(v, shape...)
	}
	given := [][]float32{packed(read("noise")), packedSound(read("audio_noise"))}
	draw := func(n int) []float32 {
		v := given[0]
		if given = given[1:]; len(v) != n {
			t.Fatalf("%d values of noise, %d are drawn", len(v), n)
		}
		return v
	}
	made, err := m.make(context.Background(), o, texts, draw, func(int, int, size, step) {})
	if err != nil {
		t.Fatal(err)
	}
	want := read("latents")
	golden.Near(t, prefix+"latents", made.video.Float32(), want.Float32(), 3e-4)
	sound := read("audio_latents")
	golden.Near(t, prefix+"audio latents", unpackedSound(made.audio, sound.Shape[2], sound.Shape[1]).Float32(), sound.Float32(), 3e-4)
}
