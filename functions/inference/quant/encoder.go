package quant

import (
	"fmt"
	"math"
	"sync"

	"github.com/containerd/errdefs"
)

// Encoder turns a weight into codes a few rows at a time, so that a weight larger than memory can be encoded. Rows come in
// order; its methods are for one goroutine, and spread their own work over all cores.
type Encoder struct {
	t        *Tensor
	o        Options
	name     string
	observed int
	written  int
	max      float32   // max|w| of what was observed
	carry    []float32 // NF4: the begun block between two calls
}

// NewEncoder starts the weight name of n rows of k values. Errors: an unknown format, a block size it cannot have, a
// shape that is none.
func NewEncoder(name string, f Format, o Options, n, k int) (*Encoder, error) {
	o = o.withDefaults(f)
	if err := o.validate(f); err != nil {
		return nil, fmt.Errorf("tensor %s: %w", name, err)
	}
	if !isMatrix(n, k) {
		return nil, invalid(name, "has the shape [%d, %d]; only matrices can be quantized", n, k)
	}
	t := &Tensor{Format: f, N: n, K: k, Block: o.Block, HighFirst: f == NF4}
	e := &Encoder{t: t, o: o, name: name}
	s := layout(t, o)
	t.Scales, t.ScaleCodes, t.Scales2, t.ZeroPoints = make([]float32, s.scales), make([]byte, s.scaleCodes), make([]float32, s.scales2), make([]byte, s.zeros)
	if o.Double {
		t.Scales = make([]float32, s.scaleCodes) // absmax, until Finish quantizes it
	}
	return e, nil
}

// isMatrix says whether n rows of k values, padded to whole blocks, can be counted.
func isMatrix(n, k int) bool {
	return n > 0 && k > 0 && k < math.MaxInt/64 && n < math.MaxInt/16/(k+mostBlock)
}

func invalid(name, format string, args ...any) error {
	return fmt.Errorf("tensor %s %s: %w", name, fmt.Sprintf(format, args...), errdefs.ErrInvalidArgument)
}

// Shape is the tensor's format, dimensions and layout, known before any row is written.
func (e *Encoder) Shape() *Tensor {
	return &Tensor{Format: e.t.Format, N: e.t.N, K: e.t.K, Block: e.t.Block, HighFirst: e.t.HighFirst}
}

// TwoPasses says that all rows must be shown to Observe before the first goes to Write: the scale is the whole tensor's.
func (e *Encoder) TwoPasses() bool {
	return e.t.Format == NVFP4 || e.t.Format == FP8 && !e.o.PerChannel
}

// Observe takes the next rows of the first pass.
func (e *Encoder) Observe(rows []float32) error {
	from, err := e.advance(&e.observed, rows)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	return parallel(len(rows)/e.t.K, func(a, b int) error {
		m, err := e.absmax(rows[a*e.t.K:b*e.t.K], (from+a)*e.t.K)
		mu.Lock()
		defer mu.Unlock()
		e.max = max(e.max, m)
		return err
	})
}

func (e *Encoder) advance(at *int, rows []float32) (from int, err error) {
	n := len(rows) / e.t.K
	if len(rows)%e.t.K != 0 || *at+n > e.t.N {
		return 0, invalid(e.name, "was given %d values after row %d; it has %d rows of %d", len(rows), *at, e.t.N, e.t.K)
	}
	from = *at
	*at += n
	return from, nil
}

// Write appends the codes of the next rows to codes. NF4's blocks may cross rows: the codes of a begun block come with a
// later call.
func (e *Encoder) Write(codes []byte, rows []float32) ([]byte, error) {
	if e.TwoPasses() {
		if e.observed < e.t.N {
			return codes, invalid(e.name, "was observed up to row %d of %d only", e.observed, e.t.N)
		}
		e.tensorScale()
	}
	from, err := e.advance(&e.written, rows)
	if err != nil {
		return codes, err
	}
	if e.t.Format == NF4 {
		return e.writeBlocks(codes, rows, from)
	}
	n, size := len(rows)/e.t.K, e.t.rowCodes()
	codes, dst := grow(codes, n*size)
	return codes, parallel(n, func(a, b int) error {
		for i := a; i < b; i++ {
			if err := e.encodeRow(dst[i*size:(i+1)*size], rows[i*e.t.K:(i+1)*e.t.K], from+i); err != nil {
				return err
			}
		}
		return nil
	})
}

// tensorScale derives the scale of the tensor from its maximum.
func (e *Encoder) tensorScale() {
	if e.t.Format == FP8 {
		e.t.Scales[0] = scaleOf(e.max, e4m3Max)
	} else {
		e.t.Scales2[0] = scaleOf(e.max, e2m1Max*e4m3Max)
	}
}

// scaleOf is maximum/top, but never 0: 1 for zeros, and the smallest number where the quotient underflows.
func scaleOf(maximum, top float32) float32 {
	switch s := maximum / top; {
	case maximum == 0:
		return 1
	case s == 0:
		return math.SmallestNonzeroFloat32
	default:
		return s
	}
}

func (e *Encoder) encodeRow(dst []byte, w []float32, row int) error {
	switch e.t.Format {
	case BF16:
		return e.rowBF16(dst, w, row)
	case FP8:
		return e.rowFP8(dst, w, row)
	case NVFP4:
		return e.rowNVFP4(dst, w, row)
	default:
		return e.rowInt(dst, w, row)
	}
}

// grow extends b by n bytes and returns it and the new part.
func grow(b []byte, n int) (all, added []byte) {
	if cap(b)-len(b) < n {
		b = append(make([]byte, 0, len(b)+n), b...)
	}
	all = b[: len(b)+n : cap(b)]
	return all, all[len(b):]
}

// Finish is the tensor without its codes, once every row is written.
func (e *Encoder) Finish() (*Tensor, error) {
	if e.written < e.t.N || len(e.carry) > 0 {
		return nil, invalid(e.name, "was written up to row %d of %d only", e.written, e.t.N)
	}
	if e.o.Double && e.t.Table == nil {
		nest(e.t)
	}
	return e.t, nil
}

// Encode encodes the weight name of n rows of k values. Errors: as NewEncoder, and values that are not finite.
func Encode(name string, f Format, o Options, w []float32, n, k int) (*Tensor, error) {
	e, err := NewEncoder(name, f, o, n, k)
	if err != nil {
		return nil, err
	}
	if len(w) != n*k {
		return nil, invalid(name, "has %d values, its shape [%d, %d] needs %d", len(w), n, k, n*k)
	}
	if e.TwoPasses() {
		if err := e.Observe(w); err != nil {
			return nil, err
		}
	}
	codes, err := e.Write(make([]byte, 0, e.t.codeBytes()), w)
	if err != nil {
		return nil, err
	}
	t, err := e.Finish()
	if err != nil {
		return nil, err
	}
	t.Codes = codes
	return t, nil
}
