package ltx2

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/serve/roomtest"
)

func TestAClipTakesWhatItIsCounted(t *testing.T) {
	roomtest.Run(t, roomtest.Family{
		Bundle: demoBundle, Sizes: "64x64x9 256x256x9", Open: Open,
		Stages: func(m handler.Model, c bundle.ClipSize) ([]bundle.Stage, error) {
			p := m.(Model)
			return p.staged(p.memory, p.stages, p.wanted(order{r: handler.Request{Width: c.Width, Height: c.Height, NumFrames: c.Frames}, sound: true}))(c)
		},
	})
}

// demoBundle is built from the demo's checkpoint in its own precision.
func demoBundle(t testing.TB) string {
	t.Helper()
	kernelstest.Library(t)
	dir := filepath.Join(t.TempDir(), "bundle")
	if _, err := serve.Build(context.Background(), demoCheckpoint(), dir, Recipe, bundle.Options{}); err != nil {
		t.Fatal(err)
	}
	return dir
}
