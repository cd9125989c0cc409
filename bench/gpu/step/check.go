package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// compare runs two layers of the published width over a shorter clip, in each format and as the plain float32 graph, on the
// same weights and inputs.
func (b *bench) compare(ctx context.Context, model string, c wan21.TransformerConfig, forms []kind) error {
	c.NumLayers = 2
	small := [3]int64{3, 30, 52}
	var want []float32
	for _, format := range append([]kind{{"fp32", "library"}}, forms...) {
		s, _, err := b.open(ctx, format, c)
		if err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
		r := rand.New(rand.NewPCG(5, 6))
		var got []float32
		in, err := b.conditions(ctx, r, small, c.HeadDim)
		if err == nil {
			got, err = b.predict(ctx, s, in, random.Gauss(r, 1, small[0]*small[1]*small[2], patchValues), 700)
		}
		in.Close()
		s.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
		if want == nil {
			want = got
			continue
		}
		e := relative(got, want)
		fmt.Printf("%s %s against fp32: %.3g\n", model, format, e)
		b.report.Figure("check_"+strings.ReplaceAll(model, ".", "_")+"_"+format.String()+"_error", e)
	}
	return nil
}

// relative is ‖got − want‖ / ‖want‖.
func relative(got, want []float32) float64 {
	var d, n float64
	for i := range want {
		x := float64(got[i]) - float64(want[i])
		d, n = d+x*x, n+float64(want[i])*float64(want[i])
	}
	return math.Sqrt(d / n)
}
