// Command viewer is a model function that opens a picture or a clip and paints one frame of it: what bench/hostile sends its
// hostile files to. Beside the frame it says how much memory its process has had, and which process it is.
package main

import (
	"context"
	"fmt"
	"image"
	"os"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/media"
)

func main() {
	handler.Main(func(context.Context, string) (handler.Model, error) { return viewer{}, nil })
}

type viewer struct{}

func (viewer) Describe() handler.Description {
	return handler.Description{Name: "viewer", Family: "viewer", Defaults: handler.Request{Width: 832, Height: 480, FPS: 1},
		Limits: handler.Limits{WidthMultiple: 16, HeightMultiple: 16, MaxWidth: 1920, MaxHeight: 1088, MaxFPS: 60, MaxPromptBytes: 1 << 10, Image: "optional", Video: "optional"}}
}

// Generate scales the picture as models do, or reads the clip to its end.
func (viewer) Generate(ctx context.Context, r handler.Request, out handler.Output) error {
	var img image.Image = media.RGB{Pix: make([]byte, 3), Width: 1, Height: 1}
	if r.Image != nil {
		img = r.Image
	}
	frame := media.Resize(img, r.Width, r.Height, media.Lanczos)
	if r.Video != nil {
		if err := r.Video.Frames(ctx, 1, 100, func(f media.RGB) error { frame = media.Resize(f, r.Width, r.Height, media.Lanczos); return nil }); err != nil {
			return err
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	if err := out.Piece(handler.Piece{Name: "status", Type: "text/plain", Data: fmt.Appendf(status, "Process: %d\n", os.Getpid())}); err != nil {
		return err
	}
	return out.Frame(frame.Pix)
}
