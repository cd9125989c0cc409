package ltx2

import (
	"context"
	"image"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

// The clips that the refusal names do fit, and it comes before anything is run.
func TestWhatWouldNotFitIsRefusedBeforeTheRun(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	large := small()
	large.Width, large.Height, large.NumFrames = 1024, 1024, 49
	o, err := m.order(large)
	if err != nil {
		t.Fatal(err)
	}
	few := bundle.ClipSize{Width: 256, Height: 256, Frames: 9}
	stages, err := m.staged(m.memory, m.stages, m.wanted(o))(few)
	if err != nil {
		t.Fatal(err)
	}
	m.memory = 0
	for _, s := range stages {
		m.memory = max(m.memory, s.Weights+s.Activations)
	}
	err = m.Generate(context.Background(), large, handler.Output{Progress: func(handler.Progress) { t.Error("it began") }})
	if !errdefs.IsInvalidArgument(err) || !strings.HasPrefix(err.Error(), "a clip of 1024 × 1024 with 49 frames at once takes ") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("%v", err)
	}
	_, would, _ := strings.Cut(err.Error(), "may take ")
	_, would, _ = strings.Cut(would, ": ")
	found := regexp.MustCompile(`num_frames (\d+)|(\d+) × (\d+)(?: with (\d+) frames)?`).FindAllStringSubmatch(would, -1)
	if len(found) == 0 {
		t.Fatalf("%q names no clip", would)
	}
	for _, f := range found {
		r := large
		for to, text := range map[*int]string{&r.NumFrames: f[1] + f[4], &r.Width: f[2], &r.Height: f[3]} {
			if n, err := strconv.Atoi(text); err == nil {
				*to = n
			}
		}
		o, err := m.order(r)
		if err == nil {
			err = m.checkMemory(o)
		}
		if err != nil {
			t.Errorf("%q: %d × %d, %d frames: %v", would, r.Width, r.Height, r.NumFrames, err)
		}
	}
	m.memory = 0
	if err := m.checkMemory(o); err != nil {
		t.Errorf("no limit is known: %v", err)
	}
}

// What a request does not run takes nothing.
func TestOnlyWhatAClipRunsCounts(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	for name, c := range map[string]struct {
		o       order
		with    []string
		without []string
	}{
		"prompt": {order{r: small(), sound: true}, []string{graphDecode, graphVocoder}, []string{graphEncode, graphUpsampler}},
		"silent": {order{r: small()}, []string{graphDecode}, []string{graphVocoder, graphAudioDecoder}},
		"sound":  {order{r: small(), sound: true, soundAlone: true}, []string{graphVocoder}, []string{graphDecode}},
		"image":  {order{r: handler.Request{Image: image.NewRGBA(image.Rect(0, 0, 8, 8))}}, []string{graphEncode}, nil},
		"two":    {order{r: small(), twoStage: true}, []string{graphUpsampler}, nil},
	} {
		wanted := m.wanted(c.o)
		for _, g := range c.with {
			if !wanted(g) {
				t.Errorf("%s: %s does not count", name, g)
			}
		}
		for _, g := range c.without {
			if wanted(g) {
				t.Errorf("%s: %s counts", name, g)
			}
		}
	}
}
