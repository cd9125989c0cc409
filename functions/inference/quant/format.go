package quant

import (
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
)

// Format names how a weight is stored.
type Format string

// The formats, by the names that the command line, bundles and the custom operator use.
const (
	BF16  Format = "bf16"  // two bytes, rounded to nearest even
	FP8   Format = "fp8"   // E4M3FN, a float32 scale for the tensor or for each output channel
	NF4   Format = "nf4"   // bitsandbytes: the 16 quantiles of a normal distribution, absmax of blocks of the flattened weight
	NVFP4 Format = "nvfp4" // E2M1, E4M3 scales of blocks of 16 along K, a float32 scale for the tensor
	INT8  Format = "int8"  // MatMulNBits, 8 bits: float32 scales of blocks along K
	INT4  Format = "int4"  // MatMulNBits, 4 bits
)

var formats = []Format{BF16, FP8, NF4, NVFP4, INT8, INT4}

// Formats lists all of them.
func Formats() []Format { return slices.Clone(formats) }

// ParseFormat finds a format by its name.
func ParseFormat(name string) (Format, error) {
	if f := Format(strings.ToLower(name)); slices.Contains(formats, f) {
		return f, nil
	}
	return "", fmt.Errorf("unknown weight format %q: choose one of %s: %w", name, formatNames(), errdefs.ErrInvalidArgument)
}

func formatNames() string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = string(f)
	}
	return strings.Join(names, ", ")
}

// bits of a code.
func (f Format) bits() int {
	switch f {
	case BF16:
		return 16
	case FP8, INT8:
		return 8
	default:
		return 4
	}
}

// integer says whether codes are integers with a zero point.
func (f Format) integer() bool { return f == INT8 || f == INT4 }

// The block sizes that kernels know.
const (
	leastBlock = 16
	mostBlock  = 4096
)

// Options choose among the variants of a format; the zero value is the usual one.
type Options struct {
	Block      int  // codes per scale: NF4 64, INT8 and INT4 32; NVFP4 has 16 only, FP8 and BF16 none
	PerChannel bool // FP8: a scale for each output channel instead of one for the tensor
	Double     bool // NF4: absmax itself is quantized (bitsandbytes' double quantization)
	Asymmetric bool // INT8, INT4: zero points
}

func (o Options) withDefaults(f Format) Options {
	switch {
	case f == NVFP4:
		o.Block = nvBlock
	case f == BF16 || f == FP8:
		o.Block = 0
	case o.Block == 0 && f == NF4:
		o.Block = 64
	case o.Block == 0:
		o.Block = 32
	}
	return o
}

func (o Options) validate(f Format) error {
	if _, err := ParseFormat(string(f)); err != nil {
		return err
	}
	if (f == NF4 || f.integer()) && (o.Block < leastBlock || o.Block > mostBlock || o.Block&(o.Block-1) != 0) {
		return fmt.Errorf("%s cannot have blocks of %d: choose a power of two from %d to %d: %w", f, o.Block, leastBlock, mostBlock, errdefs.ErrInvalidArgument)
	}
	return nil
}
