package media

import (
	"bufio"
	"bytes"
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
	var frames []RGB
	_, readErr := eachPPM(bufio.NewReaderSize(out, 1<<20), func(f RGB) error {
		frames = append(frames, RGB{Pix: bytes.Clone(f.Pix), Width: f.Width, Height: f.Height})
		return nil
	})
	if err := cmd.Wait(); err != nil {
		return nil, failure(ctx, path, said, err)
	}
	return frames, readErr
}

// eachPPM reads one picture after the other and counts them. The pixels are overwritten by the next.
func eachPPM(r *bufio.Reader, give func(RGB) error) (n int, err error) {
	var f RGB
	for {
		var w, h, top int
		if _, err := r.Peek(1); err == io.EOF {
			return n, nil
		}
		if _, err := fmt.Fscanf(r, "P6\n%d %d\n%d\n", &w, &h, &top); err != nil {
			return n, fmt.Errorf("frame %d: %w", n, err)
		}
		if w != f.Width || h != f.Height {
			f = RGB{Pix: make([]byte, w*h*3), Width: w, Height: h}
		}
		if _, err := io.ReadFull(r, f.Pix); err != nil {
			return n, fmt.Errorf("frame %d: %w", n, err)
		}
		if err := give(f); err != nil {
			return n, err
		}
		n++
	}
}
