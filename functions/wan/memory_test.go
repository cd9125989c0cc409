package wan

import (
	"context"
	"fmt"
	"image"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// TestARequestIsCountedAsAPlanCounts: the activations are those that models build --plan tells for the same clip, and on the CPU what
// the engine and the process take for them besides. Weights are mapped there, and take nothing.
func TestARequestIsCountedAsAPlanCounts(t *testing.T) {
	p := openPipeline(t, demoBundle(t), engine.Options{})
	for _, c := range []bundle.ClipSize{{Width: 128, Height: 128, Frames: 33}, {Width: 640, Height: 352, Frames: 81}} {
		plan, err := serve.Plan(demoCheckpoint, Recipe, bundle.Options{}, c)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		got, err := p.stages.Of(c, func(string) bool { return true })
		if err != nil || len(got) != len(plan.Stages) {
			t.Fatalf("%d stages, %d planned: %v", len(got), len(plan.Stages), err)
		}
		t.Logf("%v: counted in %v", c, time.Since(began))
		beside := p.stages.Beside(c)
		for i, want := range plan.Stages {
			if g := got[i]; g.Graph != want.Graph || g.Activations < want.Activations*5/4 || g.Activations > beside+3*want.Activations || g.Weights != 0 {
				t.Errorf("%v: %+v, planned %+v", c, g, want)
			}
		}
	}
}

// TestWhatWouldNotFitIsRefusedBeforeTheRun: the clips that the refusal names do fit, and nothing larger does.
func TestWhatWouldNotFitIsRefusedBeforeTheRun(t *testing.T) {
	p := openPipeline(t, demoBundle(t), engine.Options{})
	large := handler.Request{Prompt: "a red circle", Width: 1280, Height: 704, NumFrames: 81, FPS: 16, Steps: 1, Guidance: 1, Values: map[string]any{"window": 81.0}}
	p.memory = 2 << 30
	if err := p.checkMemory(large); err == nil {
		t.Fatal("it fits")
	}
	err := p.Generate(context.Background(), large, handler.Output{Progress: func(handler.Progress) { t.Error("it began") }})
	if !errdefs.IsInvalidArgument(err) || !strings.HasPrefix(err.Error(), "a clip of 1280 × 704 with 81 frames at once takes ") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("%v", err)
	}
	t.Log(err)
	var fewer, window, wide, high int
	_, would, _ := strings.Cut(err.Error(), "2.0 GiB: ")
	if _, err := fmt.Sscanf(would, "num_frames %d, or window %d, or %d × %d would fit:", &fewer, &window, &wide, &high); err != nil {
		t.Fatalf("%q: %v", would, err)
	}
	size := func(c bundle.ClipSize, window int) handler.Request {
		r := large
		r.Width, r.Height, r.NumFrames, r.Values = c.Width, c.Height, c.Frames, map[string]any{windowField: float64(window)}
		return r
	}
	for i, c := range []struct {
		r    handler.Request
		want bool
	}{
		{size(bundle.ClipSize{Width: 1280, Height: 704, Frames: fewer}, 81), true}, {size(bundle.ClipSize{Width: 1280, Height: 704, Frames: fewer + 4}, 81), false},
		{size(bundle.ClipSize{Width: wide, Height: high, Frames: 81}, 81), true}, {size(bundle.ClipSize{Width: wide + 64, Height: high + 48, Frames: 81}, 81), false},
		{size(bundle.ClipSize{Width: 1280, Height: 704, Frames: 81}, window), true}, {size(bundle.ClipSize{Width: 1280, Height: 704, Frames: 1921}, window), true},
	} {
		if err := p.checkMemory(c.r); (err == nil) != c.want || p.fits(c.r) != c.want {
			t.Errorf("%d fits: %v", i, err)
		}
	}
}

// TestMemoryThatNoClipFits, and the memory that nobody knows.
func TestMemoryThatNoClipFits(t *testing.T) {
	p, r := openPipeline(t, demoBundle(t), engine.Options{}), small()
	p.memory = 1 << 20
	if err := p.checkMemory(r); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "even a clip of 16 × 16 with 1 frame at once takes ") || !strings.Contains(err.Error(), "give it ") {
		t.Errorf("%v", err)
	}
	p.memory = 0
	r.Width, r.Height = 1920, 1920
	if err := p.checkMemory(r); err != nil {
		t.Errorf("%v", err)
	}
}

// TestEncodingCountsToo: a clip that starts from a video is encoded, which takes more than it takes to make one from a prompt.
func TestEncodingCountsToo(t *testing.T) {
	p, r := openPipeline(t, demoBundle(t), engine.Options{}), small()
	peak := func(r handler.Request) int64 {
		stages, err := p.room(r).Stages(bundle.ClipSize{Width: 640, Height: 640, Frames: 9})
		if err != nil {
			t.Fatal(err)
		}
		return int64(len(stages))
	}
	plain := peak(r)
	r.Image = image.NewRGBA(image.Rect(0, 0, 8, 8))
	if with := peak(r); with != plain+2 {
		t.Errorf("%d stages with a picture, %d without", with, plain)
	}
}
