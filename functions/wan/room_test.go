package wan

import (
	"context"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/serve/roomtest"
)

func TestAClipTakesWhatItIsCounted(t *testing.T) {
	roomtest.Run(t, roomtest.Family{
		Bundle: demoBundle, Sizes: "64x64x9 256x256x9",
		Open:   func(ctx context.Context, m *bundle.Model) (handler.Model, error) { return Open(ctx, m, "wan21") },
		Fields: func(c bundle.ClipSize) map[string]any { return map[string]any{windowField: c.Frames} },
		Stages: func(m handler.Model, c bundle.ClipSize) ([]bundle.Stage, error) {
			r := handler.Request{Width: c.Width, Height: c.Height, NumFrames: c.Frames, Values: map[string]any{windowField: float64(c.Frames)}}
			return m.(Model).room(r).Stages(c)
		},
	})
}
