package handler

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

func TestDefaultsThatNobodyCouldAskFor(t *testing.T) {
	limits := Limits{WidthMultiple: 16, HeightMultiple: 16, MaxWidth: 64, MaxHeight: 64, FrameStep: 4, MaxFrames: 81, MaxSteps: 100, MaxGuidance: 30, MaxFPS: 60, Image: "required", Video: "optional"}
	good := Request{Width: 32, Height: 64, NumFrames: 9, FPS: 16, Steps: 20, Guidance: 4}
	if err := CheckDefaults(Schema(Description{Defaults: good, Limits: limits})); err != nil {
		t.Errorf("good ones: %v", err)
	}
	for want, change := range map[string]func(*Request){
		"width is 33": func(r *Request) { r.Width = 33 }, "height is 128": func(r *Request) { r.Height = 128 }, "num_frames is 4": func(r *Request) { r.NumFrames = 4 },
		"num_inference_steps is 0": func(r *Request) { r.Steps = 0 }, "guidance_scale is -1": func(r *Request) { r.Guidance = -1 }, "fps is 0": func(r *Request) { r.FPS = 0 },
	} {
		bad := good
		change(&bad)
		if err := CheckDefaults(Schema(Description{Defaults: bad, Limits: limits})); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
