package main

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// variants are the formats as bundles have them, and their other variants.
var variants = []struct {
	name    string
	format  quant.Format
	options quant.Options
}{
	{"bf16", quant.BF16, quant.Options{}}, {"fp8", quant.FP8, quant.Options{PerChannel: true}}, {"nf4", quant.NF4, quant.Options{}},
	{"nvfp4", quant.NVFP4, quant.Options{}}, {"int8", quant.INT8, quant.Options{}}, {"int4", quant.INT4, quant.Options{}},
	{"fp8_tensor", quant.FP8, quant.Options{}}, {"nf4_double", quant.NF4, quant.Options{Double: true}},
	{"int8_asymmetric", quant.INT8, quant.Options{Asymmetric: true}}, {"int4_asymmetric", quant.INT4, quant.Options{Asymmetric: true}},
}

// codecs measures how fast each variant is encoded and decoded: one tensor of float32, in GB of it per second.
func codecs(ctx context.Context, r *harness.Report, bytes int64, rounds int) error {
	const k = 4096
	n := int(bytes / 4 / k)
	w := noise(n, k)
	out := make([]float32, len(w))
	size := float64(4*len(w)) / 1e9
	for _, v := range variants {
		var encode, decode []float64
		for range rounds {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			begin := time.Now()
			q, err := quant.Encode(v.name, v.format, v.options, w, n, k)
			if err != nil {
				return err
			}
			encode = append(encode, size/time.Since(begin).Seconds())
			begin = time.Now()
			if err := q.Decode(out); err != nil {
				return err
			}
			decode = append(decode, size/time.Since(begin).Seconds())
		}
		for name, values := range map[string][]float64{"encode": encode, "decode": decode} {
			name = v.name + "_" + name + "_gb_per_s"
			r.Observe(name, values)
			r.Want(name, "≥ 1")
		}
	}
	return nil
}

// noise is a weight of normally distributed values; its rows repeat after some, so that it is made quickly.
func noise(n, k int) []float32 {
	const distinct = 64
	w := make([]float32, n*k)
	fill := func(w []float32, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 4))
		for i := range w {
			w[i] = float32(r.NormFloat64()) * 0.03
		}
	}
	fill(w[:min(distinct, n)*k], 1)
	var wg sync.WaitGroup
	for i := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for row := distinct + i; row < n; row += runtime.GOMAXPROCS(0) {
				copy(w[row*k:(row+1)*k], w[row%distinct*k:])
			}
		})
	}
	wg.Wait()
	return w
}
