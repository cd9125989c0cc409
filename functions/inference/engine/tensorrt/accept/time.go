package accept

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
)

// Time is how long a plan takes for a run of the shapes that another engine was timed with: the best of several, after one that
// warms it up. What lay on the device lies there, and what stayed there stays. It is fed noise: zeros are multiplied faster.
//
// place copies a tensor to the plan's device. A plan that does not take these shapes is InvalidArgument.
func Time(ctx context.Context, s engine.Session, place func(engine.Tensor) (engine.Value, error), as record.Timed, rounds int) (time.Duration, error) {
	in, err := noise(s.Inputs(), place, as)
	defer in.Close()
	if err != nil {
		return 0, err
	}
	if _, err := once(ctx, s, in, as.Resident); err != nil {
		return 0, err
	}
	var best time.Duration
	for i := range rounds {
		d, err := once(ctx, s, in, as.Resident)
		if err != nil {
			return 0, err
		}
		if i == 0 || d < best {
			best = d
		}
	}
	return best, nil
}

// once is one run, until something that it gives has come to the host.
func once(ctx context.Context, s engine.Session, in engine.Values, resident []string) (time.Duration, error) {
	began := time.Now()
	out, err := s.Run(ctx, in, resident...)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	if len(resident) == len(out) { // nothing was waited for
		for _, v := range out {
			if _, err := v.Host(); err != nil {
				return 0, err
			}
			break
		}
	}
	return time.Since(began), nil
}

// noise is a value for each input of a plan, of the shapes of another engine's run.
func noise(takes []engine.Info, place func(engine.Tensor) (engine.Value, error), as record.Timed) (engine.Values, error) {
	in := engine.Values{}
	for _, i := range takes {
		shape, ok := as.Shapes[i.Name]
		if !ok {
			return in, fmt.Errorf("the plan wants the input %s, which the other engine's graph has not: %w", i.Name, errdefs.ErrInvalidArgument)
		}
		t, err := engine.Make(i.Type, Form(shape, i.Shape)...)
		if err != nil {
			return in, err
		}
		fill(t)
		in[i.Name] = t
		if !slices.Contains(as.Placed, i.Name) {
			continue
		}
		if in[i.Name], err = place(t); err != nil {
			delete(in, i.Name)
			return in, err
		}
	}
	return in, nil
}

// fill puts what is like noise where numbers of floating point are, a block again and again; whole numbers stay 0, since any other may be
// no token. It is none of math/rand/v2's generators: a program with one of those is not snapshotted.
func fill(t engine.Tensor) {
	block := make([]float32, min(engine.Elements(t.Shape), 1<<16))
	for i := range block {
		block[i] = float32(math.Sqrt2 * math.Sin(1+float64(i)*float64(i)))
	}
	switch d := t.Data.(type) {
	case []float32:
		repeat(d, block)
	case []engine.BFloat16:
		repeat(d, rounded(block))
	case []engine.Float16:
		codes := make([]engine.Float16, len(block))
		for i := range codes {
			bits := math.Float32bits(block[i])
			codes[i] = engine.Float16(0x3800 | bits>>16&0x8000 | bits>>5&0x3ff) // ±0.5 to ±1
		}
		repeat(d, codes)
	}
}

func repeat[T any](to, block []T) {
	for len(to) > 0 {
		to = to[copy(to, block):]
	}
}
