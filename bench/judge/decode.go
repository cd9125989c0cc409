package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
)

// decode has ffmpeg (VIDEOSDGX_FFMPEG, or on the PATH) turn an MP4 into frames.
func decode(ctx context.Context, mp4 []byte) (*shapes.Clip, error) {
	program := os.Getenv("VIDEOSDGX_FFMPEG")
	if program == "" {
		program = "ffmpeg"
	}
	cmd := exec.CommandContext(ctx, program, "-nostdin", "-loglevel", "error", "-i", "pipe:0", "-fps_mode", "passthrough", "-pix_fmt", "rgb24",
		"-c:v", "ppm", "-f", "image2pipe", "pipe:1")
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(mp4), &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", program, err, said.String())
	}
	return readPPM(bufio.NewReader(&out))
}

func readPPM(r *bufio.Reader) (*shapes.Clip, error) {
	c := &shapes.Clip{}
	for {
		if _, err := r.Peek(1); err == io.EOF {
			if c.Frames == 0 {
				return nil, fmt.Errorf("the clip has no frames")
			}
			return c, nil
		}
		var top int
		if _, err := fmt.Fscanf(r, "P6\n%d %d\n%d\n", &c.Width, &c.Height, &top); err != nil {
			return nil, fmt.Errorf("frame %d: %w", c.Frames, err)
		}
		frame := make([]byte, c.Width*c.Height*3)
		if _, err := io.ReadFull(r, frame); err != nil {
			return nil, fmt.Errorf("frame %d: %w", c.Frames, err)
		}
		for _, b := range frame {
			c.Pix = append(c.Pix, float64(b)/255)
		}
		c.Frames++
	}
}
