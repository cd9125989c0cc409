// Command load asks how fast weights get from the page cache to the device: a session with so many gigabytes of weights opened,
// against a plain copy of pageable memory to the device in the same run. See ../README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

const piece = 128 << 20 // bytes of one weight

func main() {
	dir := flag.String("dir", os.TempDir(), "folder for the weights; in the page cache they are when memory suffices")
	gib := flag.Int("gib", 12, "GiB of weights")
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
		pageable, err := copies(ctx, e, d, *rounds)
		if err != nil {
			return err
		}
		folder, err := os.MkdirTemp(*dir, "videosdgx-load-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		small, err := write(folder, "small", 1)
		if err != nil {
			return err
		}
		large, err := write(folder, "large", *gib*(1<<30)/piece)
		if err != nil {
			return err
		}
		base, err := open(ctx, e, d, small, *rounds)
		if err != nil {
			return err
		}
		all, err := open(ctx, e, d, large, *rounds)
		if err != nil {
			return err
		}
		rate := float64(*gib) * (1 << 30) / 1e9 / all
		r.Figure("pageable_copy_gb_per_s", pageable)
		r.Figure("open_small_s", base)
		r.Figure("open_s", all)
		r.Figure("load_gb_per_s", rate)
		r.Figure("load_over_pageable", rate/pageable)
		r.Want("load_over_pageable", "≥ 3")
		return nil
	})
}

// copies is the rate of a copy of pageable memory, GB/s.
func copies(ctx context.Context, e *ort.Engine, d engine.Device, rounds int) (float64, error) {
	t := engine.Zeros(1 << 28) // 1 GiB
	for i := range t.Float32() {
		t.Float32()[i] = float32(i)
	}
	var took []float64
	for i := range rounds + 1 {
		begin := time.Now()
		v, err := e.Place(ctx, t, d)
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

// write makes a model of n weights whose sum of first elements is its result.
func write(dir, name string, n int) (string, error) {
	b := onnx.NewBuilder(name)
	y := b.Input("x", onnx.Float32, 1)
	file := name + ".bin"
	f, err := os.Create(filepath.Join(dir, file))
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw := make([]byte, piece)
	for i := range raw {
		raw[i] = byte(rand.Uint32()) & 0x3f // finite as float32
	}
	var weights []onnx.Tensor
	for i := range n {
		if _, err := f.Write(raw); err != nil {
			return "", err
		}
		w := fmt.Sprintf("w%d", i)
		weights = append(weights, onnx.Tensor{Name: w, Type: onnx.Float32, Dims: []int64{piece / 4}, External: &onnx.External{Location: file, Offset: int64(i) * piece, Length: piece}})
		y = b.Add(y, b.Slice(onnx.Value(w), 0, 0, 1))
	}
	b.Output("y", y, onnx.Float32, 1)
	m, err := b.Model()
	if err != nil {
		return "", err
	}
	m.Graph.Initializers = append(m.Graph.Initializers, weights...)
	model, err := m.Encode()
	path := filepath.Join(dir, name+".onnx")
	return path, errors.Join(err, os.WriteFile(path, model, 0o600))
}

func open(ctx context.Context, e *ort.Engine, d engine.Device, path string, rounds int) (float64, error) {
	var took []float64
	for i := range rounds + 1 {
		begin := time.Now()
		s, err := e.Open(ctx, path, engine.Options{Device: d})
		if err != nil {
			return 0, err
		}
		if i > 0 {
			took = append(took, time.Since(begin).Seconds())
		}
		fmt.Printf("%s opened in %.3f s\n", filepath.Base(path), time.Since(begin).Seconds())
		if err := s.Close(); err != nil {
			return 0, err
		}
	}
	return harness.Median(took), nil
}
