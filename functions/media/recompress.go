package media

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/containerd/errdefs"
)

// Recompressed is a picture as H.264 leaves it at a quality (CRF, 0 to 51, larger is worse): what a frame of a clip looks like
// to a model that was trained on clips. Sides must be even.
func Recompressed(ctx context.Context, img RGB, crf int) (RGB, error) {
	if img.Width < 2 || img.Height < 2 || img.Width%2 != 0 || img.Height%2 != 0 || crf < 0 || crf > 51 {
		return RGB{}, fmt.Errorf("a picture of %d×%d cannot be compressed at %d: even sides and 0 to 51 would do: %w", img.Width, img.Height, crf, errdefs.ErrInvalidArgument)
	}
	size := fmt.Sprintf("%dx%d", img.Width, img.Height)
	clip, err := piped(ctx, img.Pix, "-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", size, "-framerate", "1", "-i", "pipe:0",
		"-c:v", "libx264", "-preset", "veryfast", "-crf", strconv.Itoa(crf), "-pix_fmt", "yuv420p", "-f", "h264", "pipe:1")
	if err != nil {
		return RGB{}, err
	}
	pix, err := piped(ctx, clip, "-f", "h264", "-i", "pipe:0", "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1")
	if err == nil && len(pix) != len(img.Pix) {
		err = fmt.Errorf("a picture of %d bytes came back as %d", len(img.Pix), len(pix))
	}
	return RGB{Pix: pix, Width: img.Width, Height: img.Height}, err
}

// piped runs ffmpeg from its standard input to its standard output.
func piped(ctx context.Context, in []byte, args ...string) ([]byte, error) {
	cmd, said, err := command(ctx, args...)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout = bytes.NewReader(in), &out
	if err := cmd.Run(); err != nil {
		return nil, failure(ctx, "", said, err)
	}
	return out.Bytes(), nil
}
