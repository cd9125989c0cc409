package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/magi1"
	"github.com/videosdgx/videosdgx/functions/serve"
)

const fps = 24

// measured is what one clip took.
type measured struct {
	First float64 // seconds to the first playable second of the clip
	All   float64 // seconds to its end
	Peak  int64   // bytes that the process had resident at most
}

// build makes the bundle of a tiny random model.
func build(ctx context.Context, dir, tokenizer string) (string, error) {
	checkpoint, out := filepath.Join(dir, "checkpoint"), filepath.Join(dir, "bundle")
	if err := magi1.WriteTiny(checkpoint, tokenizer, 512); err != nil {
		return "", err
	}
	_, err := serve.Build(ctx, checkpoint, out, magi1.Recipe, bundle.Options{})
	return out, err
}

// clip makes one in a process of its own.
func (o options) clip(ctx context.Context, bundle string, seconds int) (m measured, err error) {
	cmd := exec.CommandContext(ctx, os.Args[0], "-child-bundle", bundle, "-child-seconds", strconv.Itoa(seconds), "-steps", strconv.Itoa(o.steps))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return m, fmt.Errorf("a clip of %d s: %w", seconds, err)
	}
	return m, json.Unmarshal(out, &m)
}

// child makes a clip and tells what it took. The model is open, and has made a clip of a second, before the clock starts.
func child(ctx context.Context, o options) error {
	model, err := serve.Bundle(magi1.Open)(ctx, o.bundle)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "videosdgx-stream-child-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	h, err := handler.New(model, slog.New(slog.DiscardHandler), scratch)
	if err != nil {
		return err
	}
	if _, err := watch(ctx, h, 1, o.steps); err != nil {
		return err
	}
	m, err := watch(ctx, h, o.seconds, o.steps)
	if err != nil {
		return err
	}
	if m.Peak, err = peak(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(m)
}

// watch reads a clip as it comes: the first fragment is its first second.
func watch(ctx context.Context, h *handler.Handler, seconds, steps int) (m measured, err error) {
	body, err := json.Marshal(map[string]any{"prompt": "a red circle", "seed": 1, "num_frames": seconds * fps, "num_inference_steps": steps, "output": "stream"})
	if err != nil {
		return m, err
	}
	event, err := json.Marshal(map[string]any{"version": "2.0", "requestContext": map[string]any{"http": map[string]string{"method": "POST"}}, "body": string(body)})
	if err != nil {
		return m, err
	}
	begin := time.Now()
	answer, err := h.Invoke(ctx, event)
	if err != nil {
		return m, err
	}
	s, ok := answer.(io.ReadCloser)
	if !ok {
		return m, fmt.Errorf("the function does not stream, it answers %+v", answer)
	}
	defer s.Close()
	if err := skipHead(s); err != nil {
		return m, err
	}
	fragments := 0
	for {
		name, err := box(s)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, err
		}
		if name == "mdat" {
			if fragments++; fragments == 1 {
				m.First = time.Since(begin).Seconds()
			}
		}
	}
	m.All = time.Since(begin).Seconds()
	if fragments != seconds {
		return m, fmt.Errorf("a clip of %d s came in %d fragments", seconds, fragments)
	}
	return m, nil
}

// skipHead reads what stands before a streamed answer's body: its status and headers as JSON, and eight zeros.
func skipHead(r io.Reader) error {
	one := make([]byte, 1)
	for zeros := 0; zeros < 8; {
		if _, err := io.ReadFull(r, one); err != nil {
			return fmt.Errorf("the answer's head: %w", err)
		}
		if zeros++; one[0] != 0 {
			zeros = 0
		}
	}
	return nil
}

// box reads one whole box of an MP4.
func box(r io.Reader) (name string, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", err
	}
	size := int64(head[0])<<24 | int64(head[1])<<16 | int64(head[2])<<8 | int64(head[3])
	_, err = io.CopyN(io.Discard, r, size-8)
	return string(head[4:]), err
}

// peak is the most memory that this process has had, in bytes.
func peak() (int64, error) { return harness.Size(os.Getpid(), "VmHWM") }
