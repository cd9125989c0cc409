package wan

import (
	"context"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// On a device that is too small for the whole picture a clip is decoded in tiles: it has its frames, and differs from the
// whole only where tiles meet.
func TestAClipThatDoesNotFitIsDecodedInTiles(t *testing.T) {
	r := small()
	r.Width, r.Height, r.NumFrames, r.Steps = 320, 48, 5, 1
	var clips [2][]byte
	for i := range clips {
		p := openPipeline(t, demoBundle(t), engine.Options{})
		if i == 1 { // a byte too little for the whole
			stages, err := p.stages.Of(bundle.ClipSize{Width: r.Width, Height: r.Height, Frames: r.NumFrames}, func(graph string) bool { return !strings.HasPrefix(graph, "vae_encoder") })
			if err != nil {
				t.Fatal(err)
			}
			most := bundle.Plan{Stages: stages}.Peak()
			p.memory = most.Weights + most.Activations - 1
		}
		out := silence()
		out.Frame = func(rgb []byte) error { clips[i] = append(clips[i], rgb...); return nil }
		if err := p.Generate(context.Background(), r, out); err != nil {
			t.Fatal(err)
		}
	}
	if len(clips[0]) != 5*3*320*48 || len(clips[1]) != len(clips[0]) {
		t.Fatalf("%d and %d bytes", len(clips[0]), len(clips[1]))
	}
	far, differ := 0, 0
	for i, v := range clips[0] {
		if d := int(v) - int(clips[1][i]); d != 0 {
			differ++
			if d > 64 || d < -64 {
				far++
			}
		}
	}
	t.Logf("%.3f of the bytes differ, %.4f by more than a quarter", float64(differ)/float64(len(clips[0])), float64(far)/float64(len(clips[0])))
	if differ == 0 || far*20 > len(clips[0]) {
		t.Errorf("%d of %d bytes differ, %d by more than a quarter", differ, len(clips[0]), far)
	}
}
