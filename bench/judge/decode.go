package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
)

// decode has ffmpeg (VIDEOSDGX_FFMPEG, or on the PATH) turn an MP4 into frames.
func decode(ctx context.Context, mp4 []byte) (*shapes.Clip, error) {
	out, err := ffmpeg(ctx, mp4, "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-c:v", "ppm", "-f", "image2pipe", "pipe:1")
	if err != nil {
		return nil, err
	}
	return readPPM(bufio.NewReader(out))
}

// listen gives an MP4's sound, its channels mixed, at the rate that the judge wants.
func listen(ctx context.Context, mp4 []byte) (shapes.Wave, error) {
	out, err := ffmpeg(ctx, mp4, "-vn", "-ac", "1", "-ar", strconv.Itoa(shapes.SampleRate), "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1")
	if err != nil {
		return nil, err
	}
	w := make(shapes.Wave, out.Len()/4)
	for i := range w {
		w[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(out.Next(4))))
	}
	if len(w) == 0 {
		return nil, errors.New("the clip has no sound")
	}
	return w, nil
}

func ffmpeg(ctx context.Context, mp4 []byte, args ...string) (*bytes.Buffer, error) {
	program := os.Getenv("VIDEOSDGX_FFMPEG")
	if program == "" {
		program = "ffmpeg"
	}
	cmd := exec.CommandContext(ctx, program, append([]string{"-nostdin", "-loglevel", "error", "-i", "pipe:0"}, args...)...)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(mp4), &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", program, err, said.String())
	}
	return &out, nil
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
