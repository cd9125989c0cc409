package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"unsafe"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
)

// question is a chain of layers and the rows that go through it.
type question struct {
	suffix string
	rows   int
	layers []layer
	limits map[string]string // of NAME_over_fp32SUFFIX
}

var questions = []question{
	{"", 64, slices.Repeat([]layer{{2048, 2048}}, 8), limits("≥ 1")},
	{"_1024", 1024, []layer{{8960, 1536}, {1536, 8960}}, limits("≥ 0.9")},
}

func limits(exact string) map[string]string {
	return map[string]string{"bf16": exact, "fp8": exact, "nf4": exact, "nvfp4": exact, "int8": "≥ 1.6"}
}

// chain is a model with the times of its runs in seconds.
type chain struct {
	kind
	session engine.Session
	seconds []float64
}

// products measures every kind of product on the same rows in turns, and how many times faster each is than the faster of the
// library's two float32 forms.
func products(ctx context.Context, r *harness.Report, q question, o options) (err error) {
	dir, err := os.MkdirTemp("", "videosdgx-quant-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	e, err := ort.Load()
	if err != nil {
		return err
	}
	var chains []*chain
	defer func() {
		for _, c := range chains {
			err = errors.Join(err, c.session.Close())
		}
	}()
	for _, k := range kinds {
		path, _, err := write(dir, q.layers, k)
		if err != nil {
			return err
		}
		s, err := e.Open(ctx, path, engine.Options{Threads: o.threads})
		if err != nil {
			return err
		}
		chains = append(chains, &chain{kind: k, session: s})
	}
	x := engine.Values{"x": engine.Floats(noise(q.rows, q.layers[0].k), int64(q.rows), int64(q.layers[0].k))}
	for round := range o.rounds + 1 { // the first fills caches and is not counted
		for _, c := range chains {
			begin := o.clock()
			if _, err := c.session.Run(ctx, x); err != nil {
				return err
			}
			if round > 0 {
				c.seconds = append(c.seconds, (o.clock() - begin).Seconds())
			}
		}
	}
	report(r, q, chains)
	return nil
}

func report(r *harness.Report, q question, chains []*chain) {
	flops := 0.0
	for _, l := range q.layers {
		flops += 2 * float64(q.rows) * float64(l.n) * float64(l.k)
	}
	base := chains[0]
	if median(chains[1].seconds) < median(base.seconds) {
		base = chains[1]
	}
	for _, c := range chains {
		r.Figure(c.name+q.suffix+"_gflop_per_s", flops/median(c.seconds)/1e9)
	}
	for _, c := range chains[2:] {
		ratios := make([]float64, len(c.seconds))
		for i := range ratios {
			ratios[i] = base.seconds[i] / c.seconds[i]
		}
		name := c.name + "_over_fp32" + q.suffix
		r.Observe(name, ratios)
		if limit := q.limits[c.name]; limit != "" {
			r.Want(name, limit)
		}
	}
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

// raw is the memory of v.
func raw(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}
