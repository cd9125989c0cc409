package main

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
)

// memory measures what a session of many layers holds in private memory beside its mapped weights once it has run: the
// growth of RssAnon, as a share of the weights. The figure is the largest of the formats.
func memory(ctx context.Context, r *harness.Report) error {
	const rows, size, depth = 64, 2048, 128
	worst := 0.0
	for _, k := range kinds {
		if k.format == "" {
			continue
		}
		share, err := extra(ctx, k, rows, slices.Repeat([]layer{{size, size}}, depth))
		if err != nil {
			return err
		}
		r.Figure(k.name+"_extra_memory_share", share)
		worst = max(worst, share)
	}
	r.Figure("extra_memory_share", worst)
	r.Want("extra_memory_share", "≤ 0.05")
	return nil
}

func extra(ctx context.Context, k kind, rows int, layers []layer) (share float64, err error) {
	dir, err := os.MkdirTemp("", "videosdgx-quant-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path, weights, err := write(dir, layers, k)
	if err != nil {
		return 0, err
	}
	e, err := ort.Load()
	if err != nil {
		return 0, err
	}
	x := engine.Values{"x": engine.Floats(noise(rows, layers[0].k), int64(rows), int64(layers[0].k))}
	e.Trim()
	before, err := private()
	if err != nil {
		return 0, err
	}
	s, err := e.Open(ctx, path, engine.Options{Threads: 2})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for range 2 {
		if _, err := s.Run(ctx, x); err != nil {
			return 0, err
		}
	}
	after, err := private()
	return float64(after-before) / float64(weights), err
}

// private is this process's resident anonymous memory in bytes.
func private() (int64, error) { return harness.Size(os.Getpid(), "RssAnon") }
