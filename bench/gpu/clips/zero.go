package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// one is the process of a round: it opens the model, says so, makes a clip and prints the digest of its latents.
func one(ctx context.Context, dir string) error {
	begin := time.Now()
	m, err := open(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Println("open")
	r := m.Describe().Defaults
	r.Prompt, r.Seed = "a big red circle moving right on a navy background", 7
	var sum [32]byte
	err = m.Generate(ctx, r, handler.Output{
		Progress: func(handler.Progress) {}, Frame: func([]byte) error { return nil },
		Latents: func(v []float32) { sum = sha256.Sum256([]byte(fmt.Sprint(v))) },
	})
	fmt.Printf("latents %x after %.2f s\n", sum[:8], time.Since(begin).Seconds())
	return err
}

// zero runs the rounds. Two of three are ended by SIGKILL, somewhere between the start and past the clip's end.
func (b *bench) zero(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	before := harness.DeviceMiB(ctx)
	if before < 0 {
		return errors.New("nvidia-smi does not say how much device memory is in use")
	}
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	var want string
	var took time.Duration
	var wrong, killed, finished int
	left := 0.0
	for i := range b.rounds {
		limit := time.Duration(0)
		if i%3 > 0 {
			limit = time.Duration(r.Int64N(int64(took) + int64(took)/5))
			killed++
		}
		begin := time.Now()
		got, err := b.round(ctx, self, limit)
		if limit == 0 {
			if err != nil {
				return fmt.Errorf("round %d: %w", i+1, err)
			}
			took = max(took, time.Since(begin))
			finished++
		}
		if want == "" {
			want = got
		}
		if got != "" && got != want {
			wrong++
		}
		left = max(left, settle(ctx, before))
		fmt.Printf("round %d: kill after %v, latents %q, %.0f MiB over what was in use before\n", i+1, limit, got, left)
	}
	b.report.Figure("rounds", float64(b.rounds))
	b.report.Figure("killed", float64(killed))
	b.report.Figure("process_to_clip_s", took.Seconds())
	b.report.Figure("gpu_bytes_left", left*(1<<20))
	b.report.Figure("wrong", float64(wrong))
	b.report.Want("gpu_bytes_left", "= 0")
	b.report.Want("wrong", "= 0")
	return nil
}

// round runs the process and, after limit, kills it. It returns the digest that it printed, if it came to that.
func (b *bench) round(ctx context.Context, self string, limit time.Duration) (string, error) {
	cmd := exec.CommandContext(ctx, self, "-child", filepath.Join(b.dir, b.formats[0]))
	cmd.Env = append(os.Environ(), serve.DeviceEnv+"="+b.device)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(&errs)
	if err := cmd.Start(); err != nil {
		return "", err
	}
	if limit > 0 {
		defer time.AfterFunc(limit, func() { _ = cmd.Process.Kill() }).Stop() // it may have ended by itself
	}
	err := cmd.Wait()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, errs.String())
	}
	for line := range strings.Lines(out.String()) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "latents" {
			return f[1], err
		}
	}
	return "", err
}

// settle is how much more is in use than before, MiB, once it has had two seconds to be given back.
func settle(ctx context.Context, before float64) float64 {
	over := 0.0
	for range 20 {
		if over = harness.DeviceMiB(ctx) - before; over <= 0 {
			return 0
		}
		time.Sleep(100 * time.Millisecond)
	}
	return over
}
