package ltx2

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// VocoderConfig is vocoder/config.json: of LTX2Vocoder (2.0), or of LTX2VocoderWithBWE (2.3 and later), whose second generator
// has its numbers under bwe_….
type VocoderConfig struct {
	generator
	BWEIn           int64     `json:"bwe_in_channels"`
	BWEHidden       int64     `json:"bwe_hidden_channels"`
	BWEOut          int64     `json:"bwe_out_channels"`
	BWEKernels      []int64   `json:"bwe_upsample_kernel_sizes"`
	BWEFactors      []int64   `json:"bwe_upsample_factors"`
	BWEResKernels   []int64   `json:"bwe_resnet_kernel_sizes"`
	BWEResDilations [][]int64 `json:"bwe_resnet_dilations"`
	BWEAct          string    `json:"bwe_act_fn"`
	BWESlope        float64   `json:"bwe_leaky_relu_negative_slope"`
	BWEAntialias    *bool     `json:"bwe_antialias"`
	BWERatio        int64     `json:"bwe_antialias_ratio"`
	BWEFilter       int64     `json:"bwe_antialias_kernel_size"`
	BWEFinalAct     *string   `json:"bwe_final_act_fn"`
	BWEFinalBias    *bool     `json:"bwe_final_bias"`

	STFT       int64 `json:"filter_length"`
	Hop        int64 `json:"hop_length"`
	Window     int64 `json:"window_length"`
	Mels       int64 `json:"num_mel_channels"`
	InputRate  int64 `json:"input_sampling_rate"`
	OutputRate int64 `json:"output_sampling_rate"`
}

// generator is one stack from a spectrogram to a wave.
type generator struct {
	InChannels   int64     `json:"in_channels"`
	Hidden       int64     `json:"hidden_channels"`
	OutChannels  int64     `json:"out_channels"`
	Kernels      []int64   `json:"upsample_kernel_sizes"`
	Factors      []int64   `json:"upsample_factors"`
	ResKernels   []int64   `json:"resnet_kernel_sizes"`
	ResDilations [][]int64 `json:"resnet_dilations"`
	Act          string    `json:"act_fn"`
	Slope        float64   `json:"leaky_relu_negative_slope"`
	Antialias    *bool     `json:"antialias"`
	Ratio        int64     `json:"antialias_ratio"`
	Filter       int64     `json:"antialias_kernel_size"`
	FinalAct     *string   `json:"final_act_fn"`
	FinalBias    *bool     `json:"final_bias"`
}

// The activations of a generator.
const (
	leaky     = "leaky_relu"
	snakeBeta = "snakebeta"
)

// Extends says whether a second generator extends the bandwidth.
func (c VocoderConfig) Extends() bool { return c.BWEIn > 0 }

// Rate is the sampling rate of the wave, in Hz.
func (c VocoderConfig) Rate() int64 { return c.OutputRate }

// bwe is the second generator.
func (c VocoderConfig) bwe() generator {
	return generator{InChannels: c.BWEIn, Hidden: c.BWEHidden, OutChannels: c.BWEOut, Kernels: c.BWEKernels, Factors: c.BWEFactors,
		ResKernels: c.BWEResKernels, ResDilations: c.BWEResDilations, Act: c.BWEAct, Slope: c.BWESlope, Antialias: c.BWEAntialias,
		Ratio: c.BWERatio, Filter: c.BWEFilter, FinalAct: c.BWEFinalAct, FinalBias: c.BWEFinalBias}.withDefaults(true)
}

// WithDefaults fills what the file may leave out with the defaults of diffusers, which differ between the two classes.
func (c VocoderConfig) WithDefaults() VocoderConfig {
	c.generator = c.generator.withDefaults(c.Extends())
	rate := int64(24000)
	if c.Extends() {
		rate = 48000
	}
	for _, d := range []struct {
		to    *int64
		value int64
	}{{&c.STFT, 512}, {&c.Hop, 80}, {&c.Window, 512}, {&c.Mels, 64}, {&c.InputRate, 16000}, {&c.OutputRate, rate}} {
		if *d.to == 0 {
			*d.to = d.value
		}
	}
	return c
}

func (g generator) withDefaults(extends bool) generator {
	if g.Act == "" {
		g.Act = map[bool]string{false: leaky, true: snakeBeta}[extends]
	}
	if g.Slope == 0 {
		g.Slope = 0.1
	}
	if g.Ratio == 0 {
		g.Ratio = 2
	}
	if g.Filter == 0 {
		g.Filter = 12
	}
	if g.FinalAct == nil {
		act := map[bool]string{false: "tanh", true: ""}[extends]
		g.FinalAct = &act
	}
	bias, antialias := !extends, extends
	if g.FinalBias == nil {
		g.FinalBias = &bias
	}
	if g.Antialias == nil {
		g.Antialias = &antialias
	}
	return g
}

// Validate refuses configurations that the graph cannot express.
func (c VocoderConfig) Validate() error {
	all := []generator{c.generator}
	if c.Extends() {
		all = append(all, c.bwe())
		if c.OutputRate%c.InputRate != 0 || c.BWEIn != c.OutChannels*c.Mels {
			return fmt.Errorf("LTX-2 vocoder from %d to %d Hz, whose second part takes %d of %d·%d channels: %w", c.InputRate, c.OutputRate, c.BWEIn, c.OutChannels, c.Mels, errdefs.ErrInvalidArgument)
		}
	}
	for _, g := range all {
		if err := g.validate(); err != nil {
			return fmt.Errorf("LTX-2 vocoder: %w", err)
		}
	}
	return nil
}

func (g generator) validate() error {
	switch {
	case g.InChannels <= 0 || g.OutChannels <= 0 || g.Hidden <= 0 || len(g.Factors) == 0 || g.Hidden>>len(g.Factors) == 0:
		return fmt.Errorf("%d channels over %d to %d in %d stages: %w", g.InChannels, g.Hidden, g.OutChannels, len(g.Factors), errdefs.ErrInvalidArgument)
	case len(g.Kernels) != len(g.Factors) || len(g.ResKernels) != len(g.ResDilations) || len(g.ResKernels) == 0:
		return fmt.Errorf("kernels %v for factors %v, blocks %v with dilations %v: %w", g.Kernels, g.Factors, g.ResKernels, g.ResDilations, errdefs.ErrInvalidArgument)
	case g.Act != leaky && g.Act != snakeBeta:
		return fmt.Errorf("the activation %q; %s and %s are supported: %w", g.Act, leaky, snakeBeta, errdefs.ErrNotImplemented)
	case *g.FinalAct != "" && *g.FinalAct != "tanh" && *g.FinalAct != "clamp":
		return fmt.Errorf("the last activation %q; tanh and clamp are supported: %w", *g.FinalAct, errdefs.ErrNotImplemented)
	}
	return nil
}
