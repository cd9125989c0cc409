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

// listen gives an MP4's sound, the mean of its channels, at the rate that the judge wants. ffmpeg's own mixing of floats would add
// 3 dB: it halves two channels only where the sum could be clipped.
func listen(ctx context.Context, mp4 []byte) (shapes.Wave, error) {
	out, err := ffmpeg(ctx, mp4, "-vn", "-ar", strconv.Itoa(shapes.SampleRate), "-c:a", "pcm_f32le", "-f", "wav", "pipe:1")
	if err != nil {
		return nil, err
	}
	channels, samples, err := waveChunks(out.Bytes())
	if err != nil {
		return nil, err
	}
	w := make(shapes.Wave, len(samples)/4/channels)
	for i := range w {
		for c := range channels {
			w[i] += float64(math.Float32frombits(binary.LittleEndian.Uint32(samples[4*(i*channels+c):]))) / float64(channels)
		}
	}
	if len(w) == 0 {
		return nil, errors.New("the clip has no sound")
	}
	return w, nil
}

// waveChunks finds the number of channels and the samples in a WAV file that ffmpeg wrote into a pipe: the samples' length is not
// known to its head, and they are the last chunk.
func waveChunks(b []byte) (channels int, samples []byte, err error) {
	for at := 12; at+8 <= len(b); {
		id, size := string(b[at:at+4]), int(binary.LittleEndian.Uint32(b[at+4:]))
		at += 8
		switch {
		case id == "data" && channels > 0:
			return channels, b[at:], nil
		case id == "fmt " && at+4 <= len(b):
			channels = int(binary.LittleEndian.Uint16(b[at+2:]))
		}
		at += size + size%2
	}
	return 0, nil, errors.New("ffmpeg's WAV has no samples")
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
