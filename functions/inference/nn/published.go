package nn

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// rawSource is a source whose tensors can be read as they lie; quantized checkpoints need it.
type rawSource interface {
	Source
	Raw(name string) ([]byte, error)
	Names() []string
}

// published is a weight that the checkpoint holds quantized: it goes into the bundle as it is, whatever the policy says.
type published struct {
	name string // of the weight, in the checkpoint
	src  rawSource
	f    quant.Format
	o    quant.Options
	n, k int64
	high bool    // the even element lies in the high nibble
	off  float32 // NF4 with nested scales
	// times is what the product is to be multiplied by.
	times float32
	// smooth is set where activations are rounded too.
	smooth *smoothed
	// parts read what lies beside the codes.
	parts func(p *published, t *quant.Tensor) error
}

// layouts are the published forms of a quantized linear weight, told by a tensor beside it: Comfy's scaled FP8; Lightricks'
// FP8 and NVFP4; MAGI's FP8; bitsandbytes' four bits, as diffusers stores them.
var layouts = []struct {
	sign string // what is added to the layer's name
	open func(p *published, layer string, info weights.Info) error
}{
	{".scale_weight", openScaled(".scale_weight")},
	{".weight_scale_2", openNVFP4},
	{".weight_scale", openScaled(".weight_scale")},
	{".weight.absmax", openNF4},
}

// openPublished looks for a quantized weight; nil is one that is not.
func openPublished(src Source, l Linear) (*published, error) {
	raw, ok := src.(rawSource)
	if !ok {
		return nil, nil
	}
	name := l.Name + ".weight"
	info, err := src.Info(name)
	if err != nil {
		return nil, nil // a missing tensor is told where it is used
	}
	p := &published{name: name, src: raw, n: l.Out, k: l.In, times: l.times()}
	if floating(info.DType) {
		return nil, p.scaleless(l.Name, info)
	}
	found := ""
	for _, layout := range layouts {
		if _, err := src.Info(l.Name + layout.sign); err != nil || found == ".weight_scale_2" && layout.sign == ".weight_scale" {
			continue
		}
		if found != "" {
			return nil, p.bad("has the scales of two layouts, %s and %s", found, layout.sign)
		}
		found = layout.sign
		if err := layout.open(p, l.Name, info); err != nil {
			return nil, err
		}
	}
	if found == "" {
		return p, p.unscaled(info)
	}
	return p, nil
}

func floating(d weights.DType) bool {
	return d == weights.F32 || d == weights.BF16 || d == weights.F16 || d == weights.F64
}

func (p *published) bad(format string, args ...any) error {
	return fmt.Errorf("tensor %s %s: %w", p.name, fmt.Sprintf(format, args...), errdefs.ErrInvalidArgument)
}

// scaleless is a weight that is no codes: a scale beside it says that it should be, and would be lost.
func (p *published) scaleless(layer string, info weights.Info) error {
	for _, layout := range layouts {
		if _, err := p.src.Info(layer + layout.sign); err == nil {
			return p.bad("is held as %s, with %s beside it, which belongs to a quantized weight: fetch the checkpoint again", info.DType, layer+layout.sign)
		}
	}
	return nil
}

// unscaled is FP8 that was merely cast, where the whole checkpoint knows no scales.
func (p *published) unscaled(info weights.Info) error {
	if info.DType != weights.F8E4M3 {
		return fmt.Errorf("tensor %s is held as %s, in a layout that is not understood (scaled FP8, NVFP4 and bitsandbytes NF4 are): %w", p.name, info.DType, errdefs.ErrNotImplemented)
	}
	layer := strings.TrimSuffix(p.name, "weight")
	for _, name := range p.src.Names() {
		if rest, beside := strings.CutPrefix(name, layer); beside && strings.Contains(rest, "scale") && !strings.HasPrefix(rest, "input") && !strings.HasPrefix(rest, "smooth") {
			return fmt.Errorf("tensor %s of fp8 has its scales in %s, a layout that is not understood (scale_weight and weight_scale are): %w", p.name, name, errdefs.ErrNotImplemented)
		}
	}
	if sign := signOfScales(p.src); sign != "" {
		return p.bad("of fp8 lacks its scale, which others of the checkpoint have (%s): fetch it again", sign)
	}
	return p.scaled(info, func(_ *published, t *quant.Tensor) error {
		t.Scales = []float32{1}
		return nil
	})
}

// signOfScales is the name of a tensor that shows that a checkpoint's FP8 has scales; empty: none does.
func signOfScales(src rawSource) string {
	for _, name := range src.Names() {
		for _, end := range []string{".scale_weight", ".weight_scale", ".weight_scale_2", ".weight_scale_inv", ".input_scale", ".scale_input", ".smooth_scale"} {
			if strings.HasSuffix(name, end) || name == "scaled_fp8" {
				return name
			}
		}
	}
	return ""
}

// scaled is FP8 with one scale, or one for each output channel.
func (p *published) scaled(info weights.Info, parts func(*published, *quant.Tensor) error) error {
	if info.DType != weights.F8E4M3 || !slices.Equal(info.Shape, []int64{p.n, p.k}) {
		return p.bad("is %s of shape %v; with its scale it must be F8_E4M3 of shape [%d %d]", info.DType, info.Shape, p.n, p.k)
	}
	p.f, p.parts = quant.FP8, parts
	return nil
}

func openScaled(sign string) func(p *published, layer string, info weights.Info) error {
	return func(p *published, layer string, info weights.Info) error {
		scale, err := p.src.Info(layer + sign)
		if err != nil {
			return err
		}
		if isSmoothed(p, info) {
			return openSmoothed(p, layer)
		}
		if info.DType == weights.U8 || info.DType == weights.F4 {
			return p.bad("is held as %s with %s, as NVFP4 is, and lacks its weight_scale_2: the checkpoint is incomplete", info.DType, layer+sign)
		}
		if n := scale.Elements(); n != 1 && (n != p.n || scale.Shape[0] != n) {
			return p.bad("has scales of shape %v in %s; one, or one for each of its %d rows, is understood", scale.Shape, layer+sign, p.n)
		}
		if err := p.need(layer+sign, scale.Elements()); err != nil {
			return err
		}
		p.o.PerChannel = scale.Elements() != 1
		return p.scaled(info, func(p *published, t *quant.Tensor) (err error) {
			t.Scales, err = p.floats(layer+sign, scale.Elements())
			return err
		})
	}
}

// need makes sure before anything is written that a tensor beside the weight is there, with n values of one of the types;
// without types, of floating point.
func (p *published) need(name string, n int64, types ...weights.DType) error {
	info, err := p.src.Info(name)
	if err != nil {
		return p.bad("lacks its %s: the checkpoint is incomplete", name)
	}
	right, what := slices.Contains(types, info.DType), "floating point"
	if len(types) == 0 {
		right = floating(info.DType)
	} else {
		what = string(types[0])
	}
	if info.Elements() != n || !right {
		return p.bad("has %d values of %s in %s; %d of %s are needed", info.Elements(), info.DType, name, n, what)
	}
	return nil
}

// floats reads n values from a tensor beside the weight.
func (p *published) floats(name string, n int64) ([]float32, error) {
	if err := p.need(name, n); err != nil {
		return nil, err
	}
	v := make([]float32, n)
	return v, p.src.ReadFloat32(name, 0, v)
}

// String is the format's name.
func (p *published) String() string { return string(p.f) }

// Product is one node on the checkpoint's own codes.
func (p *published) Product(n *Net, x onnx.Value, l Linear, _ int) onnx.Value {
	parts, err := quant.Sizes(p.f, p.o, int(l.Out), int(l.In))
	if err != nil {
		n.Fail(p.bad("is not usable: %v", err))
		return x
	}
	if n.noteParam(p.name, l.Out, l.In); p.smooth != nil {
		x = n.rounded(x, p.smooth, l)
	}
	values := map[string]onnx.Value{}
	for _, part := range parts {
		values[part.Suffix] = n.Weight(n.component+"/"+p.name+part.Suffix, partType(part), part.Dims, p.content(part.Suffix))
	}
	var bias onnx.Value
	if l.Bias {
		bias = n.Float32Param(l.Name+".bias", l.Out)
	}
	t := shapeOf(Quantized{Format: p.f, Options: p.o}, l)
	t.HighFirst, t.Offset = p.high, p.off
	return quant.Linear(n.Builder, x, t, values, bias, false)
}

func (p *published) content(suffix string) func(io.Writer) error {
	return func(w io.Writer) error {
		t, err := p.load(suffix == ".codes")
		if err != nil {
			return err
		}
		for _, part := range t.Parts() {
			if part.Suffix == suffix {
				_, err := w.Write(part.Data)
				return err
			}
		}
		return nil // the writer misses the bytes and says so
	}
}

// load reads the weight; with its codes it is checked as a whole.
func (p *published) load(codes bool) (*quant.Tensor, error) {
	t := shapeOf(Quantized{Format: p.f, Options: p.o}, Linear{Name: p.name, In: p.k, Out: p.n})
	t.HighFirst, t.Offset = p.high, p.off
	if err := p.parts(p, t); err != nil || !codes {
		return t, err
	}
	var err error
	if t.Codes, err = p.src.Raw(p.name); err != nil {
		return nil, err
	}
	return t, t.Check(p.name)
}
