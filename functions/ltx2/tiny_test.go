package ltx2

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// The tiny checkpoint is built as one that was downloaded, and makes a clip with sound from prompts in any script: its tokenizer
// knows every byte.
func TestTheTinyCheckpointMakesClipsWithSound(t *testing.T) {
	kernelstest.Library(t)
	dir := filepath.Join(t.TempDir(), "tiny")
	if err := WriteTiny(dir); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "bundle")
	if _, err := serve.Build(context.Background(), dir, to, Recipe, bundle.Options{Precision: bundle.None}); err != nil {
		t.Fatal(err)
	}
	m := openModel(t, to)
	for _, prompt := range []string{"a red circle that moves to the right with a high beep, and a click where it bounces", "", "шар катится вправо", "鐘が鳴る", "🔔"} {
		r := small()
		r.Prompt = prompt
		if out := generate(t, m, r); out.frames != r.NumFrames || len(out.sound.Samples) == 0 || out.sound.Channels != 2 {
			t.Errorf("%q: %d frames, %d samples of %d channels", prompt, out.frames, len(out.sound.Samples), out.sound.Channels)
		}
	}
	r := small()
	r.Values["two_stage"] = true
	r.Width, r.Height = 64, 64
	if out := generate(t, m, r); out.frames != r.NumFrames {
		t.Errorf("two stages: %d frames", out.frames)
	}
}
