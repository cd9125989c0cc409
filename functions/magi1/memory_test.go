package magi1

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/serve/roomtest"
)

func TestAClipTakesWhatItIsCounted(t *testing.T) {
	roomtest.Run(t, roomtest.Family{
		Bundle: tinyBundle, Sizes: "64x64x24 256x256x24", Open: Open,
		Fields: func(bundle.ClipSize) map[string]any { return map[string]any{"num_inference_steps": 16} },
		Stages: func(m handler.Model, c bundle.ClipSize) ([]bundle.Stage, error) { return m.(Model).staged(false)(c) },
	})
}

// What would not fit is refused before it begins, and the size that is offered fits, whatever the length.
func TestWhatWouldNotFitIsRefusedBeforeTheRun(t *testing.T) {
	p := openTiny(t)
	r := handler.Request{Prompt: "a red circle", Width: 1024, Height: 1024, NumFrames: 48, Steps: 16, Guidance: 7.5}
	stages, err := p.staged(false)(bundle.ClipSize{Width: 512, Height: 512, Frames: 24})
	if err != nil {
		t.Fatal(err)
	}
	p.memory = bundle.Plan{Stages: stages}.Peak().Activations
	err = p.Generate(context.Background(), r, handler.Output{Progress: func(handler.Progress) { t.Error("it began") }})
	if !errdefs.IsInvalidArgument(err) || !strings.HasPrefix(err.Error(), "a clip of 1024 × 1024 takes ") {
		t.Fatal(err)
	}
	size := regexp.MustCompile(`: (\d+) × (\d+) would fit`).FindStringSubmatch(err.Error())
	if size == nil {
		t.Fatalf("%v offers no size", err)
	}
	r.Width, _ = strconv.Atoi(size[1])
	r.Height, _ = strconv.Atoi(size[2])
	if err := p.Check(r); err != nil || r.Width < 512 {
		t.Errorf("%d × %d: %v", r.Width, r.Height, err)
	}
	for held, want := range map[int64]bool{0: true, p.memory / 2: false} {
		r.Held = held
		if err := p.checkMemory(r); (err == nil) != want || p.fits(r) != want {
			t.Errorf("beside %d bytes: %v", held, err)
		}
	}
}
