package ltx2

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// UpsamplerConfig is latent_upsampler/config.json.
type UpsamplerConfig struct {
	In       int64    `json:"in_channels"`
	Mid      int64    `json:"mid_channels"`
	Blocks   int64    `json:"num_blocks_per_stage"`
	Dims     int64    `json:"dims"`
	Spatial  *bool    `json:"spatial_upsample"`
	Temporal bool     `json:"temporal_upsample"`
	Scale    *float64 `json:"rational_spatial_scale"`
	Rational *bool    `json:"use_rational_resampler"`
}

// groups is the number of groups of the upsampler's norms.
const groups = 32

// resamplings are the scales that a rational resampler knows: points made of one, and how many of them become one.
var resamplings = map[float64][2]int64{0.75: {3, 4}, 1.5: {3, 2}, 2: {2, 1}, 4: {4, 1}}

func (c UpsamplerConfig) scale() float64 {
	if c.Scale == nil || !or(c.Rational, true) {
		return 2
	}
	return *c.Scale
}

// Validate refuses configurations that the graph cannot express.
func (c UpsamplerConfig) Validate() error {
	switch _, known := resamplings[c.scale()]; {
	case c.In <= 0 || c.Mid <= 0 || c.Mid%groups != 0 || c.Blocks < 1:
		return fmt.Errorf("LTX-2 upsampler of %d channels over %d in %d blocks: %w", c.In, c.Mid, c.Blocks, errdefs.ErrInvalidArgument)
	case c.Dims != 2 && c.Dims != 3:
		return fmt.Errorf("LTX-2 upsampler of %d dimensions: %w", c.Dims, errdefs.ErrInvalidArgument)
	case c.Temporal || !or(c.Spatial, true) || !known:
		return fmt.Errorf("LTX-2 upsampler in time, or by %g, is not supported: %w", c.scale(), errdefs.ErrNotImplemented)
	}
	return nil
}

// Input and output of the upsampler's graph: latents that are not normalised, [batch, channels, frames, height, width].
const (
	upLatents = "latents"
	upLarger  = "larger"
)

// larger builds the latent upsampler.
type larger struct {
	*nn.Net
	c UpsamplerConfig
}

// Upsampler is the graph of LTX2LatentUpsamplerModel.
func Upsampler(c UpsamplerConfig, o nn.Options) (*nn.Net, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &larger{nn.New("latent_upsampler", "latent_upsampler", o), c}
	in := g.Input(upLatents, onnx.Float32, "batch", c.In, "frames", "height", "width")
	x := in
	if c.Dims == 2 {
		x = g.frames(x, c.In)
	}
	x = g.SiLU(g.norm(g.conv(x, "initial_conv", c.In, c.Mid), "initial_norm"))
	x = g.blocks(x, "res_blocks")
	if c.Dims == 3 {
		x = g.clip(g.resample(g.frames(x, c.Mid)), in, c.Mid)
	} else {
		x = g.resample(x)
	}
	x = g.conv(g.blocks(x, "post_upsample_res_blocks"), "final_conv", c.Mid, c.In)
	if c.Dims == 2 {
		x = g.clip(x, in, c.In)
	}
	g.Output(upLarger, x, onnx.Float32, "batch", c.In, "frames", "height_out", "width_out")
	return g.Net, nil
}

// frames is a clip [batch, channels, frames, height, width] as pictures [batch·frames, channels, height, width].
func (g *larger) frames(x onnx.Value, channels int64) onnx.Value {
	return g.Reshape(g.Transpose(x, 0, 2, 1, 3, 4), g.Concat(0, g.Ints(-1, channels), g.DimOf(x, 3), g.DimOf(x, 4)))
}

// clip is the other way, for a clip as long as like.
func (g *larger) clip(x, like onnx.Value, channels int64) onnx.Value {
	shape := g.Concat(0, g.DimOf(like, 0), g.DimOf(like, 2), g.Ints(channels), g.DimOf(x, 2), g.DimOf(x, 3))
	return g.Transpose(g.Reshape(x, shape), 0, 2, 1, 3, 4)
}

func (g *larger) blocks(x onnx.Value, name string) onnx.Value {
	for i := range g.c.Blocks {
		at := fmt.Sprintf("%s.%d.", name, i)
		h := g.SiLU(g.norm(g.conv(x, at+"conv1", g.c.Mid, g.c.Mid), at+"norm1"))
		h = g.norm(g.conv(h, at+"conv2", g.c.Mid, g.c.Mid), at+"norm2")
		x = g.SiLU(g.Add(h, x))
	}
	return x
}

// conv is a convolution with kernels of three in as many dimensions as the model has.
func (g *larger) conv(x onnx.Value, name string, in, out int64) onnx.Value {
	dims, pads := []int64{out, in}, []int64{}
	for range g.c.Dims {
		dims, pads = append(dims, 3), append(pads, 1, 1)
	}
	return g.Op("Conv", []onnx.Value{x, g.Param(name+".weight", dims...), g.Param(name+".bias", out)}, onnx.Ints("pads", pads...))
}

// norm is over the channels of a group, all points of a picture, and all frames where the model sees them together.
func (g *larger) norm(x onnx.Value, name string) onnx.Value {
	one, zero := make([]float32, groups), make([]float32, groups)
	for i := range one {
		one[i] = 1
	}
	y := g.Reshape(x, g.Concat(0, g.DimOf(x, 0), g.Ints(groups, -1)))
	y = g.Op("InstanceNormalization", []onnx.Value{y, g.Floats("ones", []int64{groups}, one), g.Floats("zeros", []int64{groups}, zero)}, onnx.Float("epsilon", 1e-5))
	y = g.Reshape(y, g.Op("Shape", []onnx.Value{x}))
	dims := []int64{1, g.c.Mid, 1, 1, 1}[:2+g.c.Dims]
	return g.Add(g.Mul(y, g.ParamAs(name+".weight", []int64{g.c.Mid}, dims)), g.ParamAs(name+".bias", []int64{g.c.Mid}, dims))
}

// resample makes several points of one, and one of several behind a blur.
func (g *larger) resample(x onnx.Value) onnx.Value {
	mid, name := g.c.Mid, "upsampler.0"
	if or(g.c.Rational, true) {
		name = "upsampler.conv"
	}
	s := resamplings[g.c.scale()]
	up, down := s[0], s[1]
	y := g.Op("Conv", []onnx.Value{x, g.Param(name+".weight", up*up*mid, mid, 3, 3), g.Param(name+".bias", up*up*mid)}, onnx.Ints("pads", 1, 1, 1, 1))
	h, w := g.DimOf(x, 2), g.DimOf(x, 3)
	y = g.Transpose(g.Reshape(y, g.Concat(0, g.Ints(-1, mid, up, up), h, w)), 0, 1, 4, 2, 5, 3)
	h, w = g.Mul(h, g.Ints(up)), g.Mul(w, g.Ints(up))
	if down == 1 {
		return g.Reshape(y, g.Concat(0, g.Ints(-1, mid), h, w))
	}
	y = g.Reshape(y, g.Concat(0, g.Ints(-1, 1), h, w)) // every channel goes through one filter
	y = g.Op("Conv", []onnx.Value{y, g.Param("upsampler.blur_down.kernel", 1, 1, 5, 5)}, onnx.Ints("strides", down, down), onnx.Ints("pads", 2, 2, 2, 2))
	return g.Reshape(y, g.Concat(0, g.Ints(-1, mid), g.DimOf(y, 2), g.DimOf(y, 3)))
}
