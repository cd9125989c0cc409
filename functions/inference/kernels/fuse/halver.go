package fuse

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// halves are the types that a halver writes, by the names that weights have in them.
var halves = map[onnx.DType]string{onnx.BFloat16: "bf16", onnx.Float16: "fp16"}

// largest is the most that FP16 holds.
const largest = 65504

// halver writes float32 bytes on as BF16, or FP16, rounded to the nearest, ties to even.
type halver struct {
	to    io.Writer
	dtype onnx.DType // 0 is BF16
	of    string     // the weight's name
	clip  bool       // it is an autoencoder's, which computes in FP16 whatever is asked for
	rest  []byte     // of a number that came in two pieces

	all, lost float64 // in FP16: the sums of squares of what was written, and of what rounding has made of it
}

// halving is a weight's content in 16 bits; clip says that it is an autoencoder's. InvalidArgument: FP16 does not hold it.
func halving(content func(io.Writer) error, dtype onnx.DType, name string, clip bool) func(io.Writer) error {
	return func(to io.Writer) error {
		h := &halver{to: to, dtype: dtype, of: name, clip: clip}
		if err := content(h); err != nil {
			return err
		}
		return h.held()
	}
}

func (h *halver) Write(b []byte) (int, error) {
	all := append(h.rest, b...)
	whole := len(all) / 4 * 4
	values := make([]float32, whole/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(all[4*i:]))
	}
	h.rest = append([]byte(nil), all[whole:]...)
	as := weights.BF16
	if h.dtype == onnx.Float16 {
		as = weights.F16
		if i := slices.IndexFunc(values, func(v float32) bool { return v > largest || v < -largest }); i >= 0 {
			return 0, fmt.Errorf("the weight %s has the value %g, FP16 has none beyond ±%d: %s: %w", h.of, values[i], largest, h.instead(), errdefs.ErrInvalidArgument)
		}
	}
	out, err := weights.Encode(as, values)
	if err == nil {
		_, err = h.to.Write(out)
	}
	if err != nil {
		return 0, err
	}
	if as == weights.F16 {
		h.measure(values)
	}
	return len(b), nil
}

// grain is the distance of FP16's numbers below the least that has all of its bits: a value under half of it becomes 0.
const grain = 1. / (1 << 24)

// measure adds up what becomes of values. Above FP16's least exact number a rounding is a part of the value that no sum need tell.
func (h *halver) measure(values []float32) {
	for _, v := range values {
		x := float64(v)
		h.all += x * x
		if x = math.Abs(x); x < 1024*grain {
			d := x - math.RoundToEven(x/grain)*grain
			h.lost += d * d
		}
	}
}

// worst is how far a weight may be from what the checkpoint has, as a part of its length (both the roots of sums of squares).
const worst = 1. / 64

// held says whether FP16 has held the weight: one whose values are all near FP16's least number, or below it, would be mostly noise, or
// zeros. A few small values among others are nothing beside them, and an autoencoder's are taken as they are: it has no other type.
func (h *halver) held() error {
	if h.clip || h.lost <= worst*worst*h.all {
		return nil
	}
	return fmt.Errorf("the weight %s has such small values that FP16 is off by %.2g of them: %s: %w", h.of, math.Sqrt(h.lost/h.all), h.instead(), errdefs.ErrInvalidArgument)
}

// instead is what holds the weight.
func (h *halver) instead() string {
	if h.clip {
		return "autoencoders compute in FP16 on every GPU, so that `models build --engines cpu` would do"
	}
	return "`models build --activations bf16` would do"
}
