// Command load asks how fast weights get from the page cache to the device: a session with so many gigabytes of weights opened,
// against a plain copy of pageable memory to the device in the same run. See ../README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
)

// Bytes of one weight: of the model that counts, and of one whose weights are as small as a transformer's.
const piece, smallPiece = 128 << 20, 8 << 20

func main() {
	dir := flag.String("dir", os.TempDir(), "folder for the weights; in the page cache they are when memory suffices")
	gib := flag.Int64("gib", 12, "GiB of weights")
	rounds := flag.Int("rounds", 3, "how often each is measured")
	device := flag.String("device", "cuda:0", "device")
	commit := flag.String("commit", "", "commit that this program was built from, where the checkout is elsewhere")
	harness.Main("load", func(ctx context.Context) (err error) {
		r := harness.NewGPUReport(ctx, "load", *commit)
		defer func() { err = errors.Join(err, r.Print(os.Stdout)) }()
		d, err := engine.ParseDevice(*device)
		if err != nil {
			return err
		}
		e, err := ort.Load()
		if err != nil {
			return err
		}
		return bench{e, d, *rounds, r}.run(ctx, *dir, *gib<<30)
	})
}

type bench struct {
	engine *ort.Engine
	device engine.Device
	rounds int
	report *harness.Report
}

// run measures the copy, and then sessions over the same file of weights.
func (b bench) run(ctx context.Context, dir string, bytes int64) error {
	pageable, err := b.pageable(ctx)
	if err != nil {
		return err
	}
	b.report.Figure("pageable_copy_gb_per_s", pageable)
	folder, err := os.MkdirTemp(dir, "videosdgx-load-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := fill(filepath.Join(folder, weights), bytes); err != nil {
		return err
	}
	for _, m := range []struct {
		name        string
		bytes, each int64
		suffix      string // of its figures
	}{{"small", piece, piece, "_small"}, {"many", bytes, smallPiece, "_8mib_weights"}, {"large", bytes, piece, ""}} {
		made, err := write(folder, m.name, m.bytes, m.each)
		if err != nil {
			return err
		}
		took, copied, err := b.open(ctx, made)
		if err != nil {
			return err
		}
		b.report.Figure("open"+m.suffix+"_s", took)
		b.report.Figure("load"+m.suffix+"_gb_per_s", float64(m.bytes)/1e9/took) // of the whole of opening
		b.report.Figure("copy"+m.suffix+"_gb_per_s", copied)                    // of what brings weights to the device, the session aside
		if m.name == "large" {
			b.report.Figure("load_over_pageable", float64(m.bytes)/1e9/took/pageable)
		}
	}
	b.report.Want("load_over_pageable", "≥ 3")
	return nil
}

// pageable is the rate of a copy of pageable memory, GB/s.
func (b bench) pageable(ctx context.Context) (float64, error) {
	t := engine.Zeros(1 << 28) // 1 GiB
	for i := range t.Float32() {
		t.Float32()[i] = float32(i)
	}
	var took []float64
	for i := range b.rounds + 1 {
		begin := time.Now()
		v, err := b.engine.Place(ctx, t, b.device)
		if err != nil {
			return 0, err
		}
		if i > 0 {
			took = append(took, time.Since(begin).Seconds())
		}
		v.Close()
	}
	return (1 << 30) / 1e9 / harness.Median(took), nil
}

// open is how long a session takes to open, seconds, and the rate at which its weights were brought to the device, GB/s, 0 where
// the library read them. Its weights are then looked at.
func (b bench) open(ctx context.Context, m model) (seconds, copied float64, err error) {
	var took, rates []float64
	for i := range b.rounds + 1 {
		bytes, copying := b.engine.Uploaded()
		begin := time.Now()
		s, err := b.engine.Open(ctx, m.path, engine.Options{Device: b.device})
		if err != nil {
			return 0, 0, err
		}
		opened := time.Since(begin).Seconds()
		bytes2, copying2 := b.engine.Uploaded()
		if i > 0 {
			took = append(took, opened)
		}
		if i > 0 && bytes2 > bytes {
			rates = append(rates, float64(bytes2-bytes)/1e9/(copying2-copying).Seconds())
		}
		fmt.Printf("%s opened in %.3f s, %.3f of it copying\n", filepath.Base(m.path), opened, (copying2 - copying).Seconds())
		if err := errors.Join(m.check(ctx, s), s.Close()); err != nil {
			return 0, 0, err
		}
	}
	if len(rates) > 0 {
		copied = harness.Median(rates)
	}
	return harness.Median(took), copied, nil
}
