package media

import (
	"bufio"
	"context"
	"fmt"
	"io"
)

// Decode reads a clip's frames as RGB, for tests.
func Decode(ctx context.Context, path string) ([]RGB, error) {
	cmd, said, err := command(ctx, "-i", path, "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-c:v", "ppm", "-f", "image2pipe", "pipe:1")
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot start ffmpeg: %w", err)
	}
	frames, readErr := readPPM(bufio.NewReaderSize(out, 1<<20))
	if err := cmd.Wait(); err != nil {
		return nil, failure(ctx, path, said, err)
	}
	return frames, readErr
}

func readPPM(r *bufio.Reader) ([]RGB, error) {
	var frames []RGB
	for {
		var w, h, top int
		if _, err := r.Peek(1); err == io.EOF {
			return frames, nil
		}
		if _, err := fmt.Fscanf(r, "P6\n%d %d\n%d\n", &w, &h, &top); err != nil {
			return nil, fmt.Errorf("frame %d: %w", len(frames), err)
		}
		f := RGB{Pix: make([]byte, w*h*3), Width: w, Height: h}
		if _, err := io.ReadFull(r, f.Pix); err != nil {
			return nil, fmt.Errorf("frame %d: %w", len(frames), err)
		}
		frames = append(frames, f)
	}
}
