package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/judge/shapes"
	"github.com/videosdgx/videosdgx/runtime/client"
)

// start gives a maker that calls a server, its own unless one was named.
func (o options) start(ctx context.Context) (maker, func() error, error) {
	if err := o.keepFolder(); err != nil {
		return nil, nil, err
	}
	if o.server.URL != "" {
		s, err := harness.Start(ctx, o.server)
		if err != nil {
			return nil, nil, err
		}
		return o.called(s, s.Stop)
	}
	temp, err := os.MkdirTemp("", "videosdgx-judge-")
	if err != nil {
		return nil, nil, err
	}
	drop := func() error { return os.RemoveAll(temp) }
	if err := o.prepare(ctx, temp); err != nil {
		return nil, nil, errors.Join(err, drop())
	}
	s, err := harness.Start(ctx, o.server)
	if err != nil {
		return nil, nil, errors.Join(err, drop())
	}
	stop := func() error { return errors.Join(s.Stop(), drop()) }
	if err := o.deploy(ctx, s, temp); err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return o.called(s, stop)
}

// called is a maker over the server's client, which ends with the server.
func (o options) called(s *harness.Server, stop func() error) (maker, func() error, error) {
	c, err := s.Client()
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return o.caller(c), func() error { c.Close(); return stop() }, nil
}

func (o options) keepFolder() error {
	if o.keep == "" {
		return nil
	}
	return os.MkdirAll(o.keep, 0o755)
}

// prepare builds the programs, unless -bin names them, and the bundle.
func (o *options) prepare(ctx context.Context, temp string) error {
	if o.server.Binary == "" {
		bin, err := harness.Build(ctx, filepath.Join(temp, "bin"))
		if err != nil {
			return err
		}
		o.server.Binary = bin
	}
	if _, err := os.Stat(o.program()); err != nil {
		if err := command(ctx, "go", "build", "-o", o.program(), "github.com/videosdgx/videosdgx/functions/"+o.function+"/cmd/"+o.function); err != nil {
			return err
		}
	}
	if err := harness.BuildKernels(ctx, filepath.Dir(o.server.Binary)); err != nil {
		return err
	}
	o.server.Functions = filepath.Join(temp, "manifests")
	if o.server.Log == nil {
		o.server.Log = io.Discard
	}
	build := []string{"models", "build", o.checkpoint, "-o", filepath.Join(temp, "bundle")}
	if o.lora != "" {
		build = append(build, "--lora", o.lora)
	}
	return command(ctx, o.server.Binary, build...)
}

func (o options) program() string {
	return filepath.Join(filepath.Dir(o.server.Binary), "functions", o.function)
}

// deploy writes the function's manifest for the driver that the server runs, and waits until the function answers.
func (o options) deploy(ctx context.Context, s *harness.Server, temp string) error {
	driver, err := s.Driver(ctx)
	if err != nil {
		return err
	}
	how := fmt.Sprintf("command: [%q]", o.program())
	if driver != "process" {
		image := filepath.Join(temp, "image")
		if err := command(ctx, o.server.Binary, "image", "build", "images/"+o.function, "-o", image); err != nil {
			return err
		}
		how = fmt.Sprintf("image: %q", "oci:"+image)
	}
	dir := filepath.Join(o.server.Functions, o.function)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf("name: %s\n%s\nmodel: {name: %s, bundle: %q}\ntimeout: 15m\nkeepAlive: 15m\n", o.function, how, o.function, filepath.Join(temp, "bundle"))
	if err := os.WriteFile(filepath.Join(dir, "function.yaml"), []byte(text), 0o644); err != nil {
		return err
	}
	return o.await(ctx, s)
}

// await asks until the watched folder has been read: until the function is no longer unknown.
func (o options) await(ctx context.Context, s *harness.Server) error {
	c, err := s.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		body, err := c.Stream(ctx, o.function, []byte(`{"ping":true}`))
		if err == nil {
			return body.Close()
		}
		if !client.IsNotFound(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server never learned of %s: %w", o.function, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (o options) caller(c *client.Client) maker {
	return func(ctx context.Context, a asked) (*shapes.Clip, shapes.Wave, error) {
		request := map[string]any{"prompt": a.prompt, "seed": a.seed}
		if o.steps > 0 {
			request["num_inference_steps"] = o.steps
		}
		mp4, err := clip(ctx, c, o.function, request)
		if err != nil {
			return nil, nil, err
		}
		if o.keep != "" {
			name := filepath.Join(o.keep, fmt.Sprintf("%d %s.mp4", a.seed, strings.ReplaceAll(a.prompt, "/", "-")))
			if err := os.WriteFile(name, mp4, 0o644); err != nil {
				return nil, nil, err
			}
		}
		clip, err := decode(ctx, mp4)
		if err != nil || !o.sounds() {
			return clip, nil, err
		}
		wave, err := listen(ctx, mp4)
		return clip, wave, err
	}
}

// clip asks a function's URL for a clip and reads it to its end.
func clip(ctx context.Context, c *client.Client, function string, request map[string]any) ([]byte, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"video/mp4"}}
	resp, err := c.Fetch(ctx, http.MethodPost, function, "/", header, bytes.NewReader(body))
	if refused := (*client.Error)(nil); errors.As(err, &refused) {
		return nil, fmt.Errorf("the server answered %d: %w", refused.Status, err)
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func command(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return nil
}
