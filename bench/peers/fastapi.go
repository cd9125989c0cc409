package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

const prompt = "a big red circle moving right slowly on a navy background"

// fastAPI compares with the obvious design: one Python process that has loaded the model. From its start until it takes
// requests, against our model's cold start; then one clip of the same size and steps; then memory when idle.
func (b *bench) fastAPI(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, b.python, "-c", "import fastapi, uvicorn, torch, diffusers").CombinedOutput(); err != nil {
		lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
		b.report.Note("FastAPI: left out, Python says: %s", lines[len(lines)-1])
		return nil
	}
	if err := b.ourModel(ctx); err != nil {
		return err
	}
	ready := harness.NewSamples()
	for i := range max(b.starts, 1) {
		use := b.useFastAPI(ctx)
		if i > 0 {
			use = nil
		}
		took, err := b.process(ctx, use)
		if err != nil {
			return err
		}
		ready.Add(took)
	}
	b.report.Quantiles("fastapi_ready", ready)
	return nil
}

// useFastAPI measures clips and idle memory of a process that is ready.
func (b *bench) useFastAPI(ctx context.Context) func(url string, pid int) error {
	return func(url string, pid int) error {
		s, err := harness.Repeat(ctx, 1, b.clips, func(ctx context.Context, i int) error { return clip(ctx, url+"/generate", i) })
		if err != nil {
			return err
		}
		b.report.Quantiles("fastapi_clip", s)
		n, err := harness.ProcessPSS(pid)
		b.report.Figure("fastapi_idle_pss_mb", float64(n)/1e6)
		return err
	}
}

// process starts the process, waits until it says that the model is loaded, and ends it after use.
func (b *bench) process(ctx context.Context, use func(url string, pid int) error) (ready time.Duration, err error) {
	addr, _, err := twoPorts()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	cmd := exec.CommandContext(ctx, b.python, "bench/peers/fastapi_server.py", addr, b.checkpoint)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	if err := awaitPort(ctx, addr); err != nil {
		cmd.Process.Kill()
		cmd.Wait() // its output is complete
		return 0, fmt.Errorf("%w: %s", err, said.Bytes()[max(0, said.Len()-2000):])
	}
	ready = time.Since(begin)
	if use != nil {
		err = use("http://"+addr, cmd.Process.Pid)
	}
	return ready, err
}

// ourModel asks the same of the wan21 function.
func (b *bench) ourModel(ctx context.Context) (err error) {
	const name = "peers-model"
	w, err := b.server.BuildWan21(ctx, b.dir)
	if err != nil {
		return err
	}
	bundle := filepath.Join(b.dir, "bundle")
	if err := b.server.BuildBundle(ctx, b.checkpoint, bundle, ""); err != nil {
		return err
	}
	if err := b.server.DeployModel(ctx, name, w, bundle); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.Undeploy(context.WithoutCancel(ctx), name)) }()
	first, err := b.server.FirstByte(ctx, name, harness.Absent, []byte(`{"ping":true}`))
	if err != nil {
		return err
	}
	defer first.Close()
	for range 2 * b.starts {
		if err := first.Once(ctx); err != nil {
			return err
		}
	}
	b.report.Quantiles("ours_model_cold", first.Samples)
	s, err := harness.Repeat(ctx, 1, b.clips, func(ctx context.Context, i int) error { return clip(ctx, b.server.URL+"/fn/"+name+"/", i) })
	if err != nil {
		return err
	}
	b.report.Quantiles("ours_clip", s)
	all, err := b.server.Instances(ctx, name)
	if err != nil || len(all) != 1 {
		return errors.Join(err, fmt.Errorf("%d instances of one model that was called one at a time", len(all)))
	}
	n, err := harness.PSS(all[0].ID)
	b.report.Figure("ours_idle_pss_mb", float64(n)/1e6)
	return err
}

func clip(ctx context.Context, url string, seed int) error {
	body, err := json.Marshal(map[string]any{"prompt": prompt, "seed": seed})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "video/mp4")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || len(b) < 1000) {
		err = fmt.Errorf("no clip: %s: %.300s", resp.Status, b)
	}
	return err
}
