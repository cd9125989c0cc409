package bundle

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// None is the precision that keeps every weight as float32.
const None = "none"

// Auto leaves the precision to the model's family and the GPU.
const Auto = "auto"

// blackwell is the first compute capability whose matrix units multiply NVFP4.
const blackwell = 10

// choose fills in the precision, and says why where it depends on the GPU.
func (o *Options) choose(r Recipe) (why string, err error) {
	o.Precision = strings.ToLower(o.Precision) // the same precision is the same bundle, however it is written
	if o.Precision != "" && o.Precision != Auto {
		return "", nil
	}
	if o.Precision = r.Precision; r.Blackwell == "" {
		return "", nil
	}
	if o.Capability == "" {
		return fmt.Sprintf("auto: no GPU is known; %s is for compute capability %d.0 and later", r.Blackwell, blackwell), nil
	}
	major, minor, _ := strings.Cut(o.Capability, ".")
	v, err := strconv.Atoi(major)
	if _, minorErr := strconv.Atoi(minor); err != nil || minorErr != nil || v < 1 {
		return "", fmt.Errorf("compute capability %q is none: a figure such as 12.1 (DGX Spark) or 9.0 (H100) would do: %w", o.Capability, errdefs.ErrInvalidArgument)
	}
	if v < blackwell {
		return fmt.Sprintf("auto: the GPU has compute capability %s; %s is for %d.0 and later", o.Capability, r.Blackwell, blackwell), nil
	}
	o.Precision = r.Blackwell
	return "auto: the GPU has compute capability " + o.Capability, nil
}

// Precisions lists what Quantize takes.
func Precisions() []string {
	all := []string{None}
	for _, f := range quant.Formats() {
		all = append(all, string(f))
	}
	return all
}

// Quantize is the policy that holds the weights of a recipe in a format. What the published quantizers leave alone is left
// alone here: only the large products inside a component's repeated blocks become codes, in a diffusion transformer those of
// attention and feed-forward, but not in its first and last blocks; all other linear layers, and tables of embeddings, become
// BF16; norms, biases, convolutions and tables of modulation stay as they are. "none" is float32 throughout.
func Quantize(r Recipe, precision string) (func(component string) nn.Policy, error) {
	if precision == "" || precision == None {
		return nil, nil
	}
	f, err := quant.ParseFormat(precision)
	if err != nil {
		return nil, fmt.Errorf("precision %q is not known: %s would do: %w", precision, strings.Join(Precisions(), ", "), errdefs.ErrInvalidArgument)
	}
	blocks, err := blocksOf(r)
	if err != nil {
		return nil, err
	}
	return func(component string) nn.Policy {
		return nn.Policy{Table: onnx.BFloat16, Linear: func(l nn.Linear) nn.Format {
			if f != quant.BF16 && quantizable(l, blocks[component]) && (r.Keep == nil || !r.Keep(l)) {
				return formatOf(f)
			}
			return nn.Quantized{Format: quant.BF16}
		}}
	}, nil
}

// formatOf is a format with the options that bundles have: FP8 with a scale for each output channel, integers with activations
// quantized 16 values at a time, whose kernels are the fast ones.
func formatOf(f quant.Format) nn.Quantized {
	return nn.Quantized{Format: f, Options: quant.Options{PerChannel: f == quant.FP8}, Dynamic: f == quant.INT8 || f == quant.INT4}
}

// blocksOf counts the repeated blocks of every component.
func blocksOf(r Recipe) (map[string]int, error) {
	blocks := map[string]int{}
	for _, g := range r.Graphs {
		record := func(l nn.Linear) nn.Format {
			if i := blockOf(l.Name); i >= 0 {
				blocks[g.Component] = max(blocks[g.Component], i+1)
			}
			return nn.Plain{}
		}
		if _, err := g.Build(nn.Options{Policy: nn.Policy{Linear: record}}); err != nil {
			return nil, fmt.Errorf("graph %s: %w", g.Name, err)
		}
	}
	return blocks, nil
}

var blockName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|\.)(?:blocks|transformer_blocks|layers|layer|block)\.(\d+)\.`)
})

// blockOf is the number of the block that a layer belongs to, −1 when it is in none.
func blockOf(name string) int {
	m := blockName().FindStringSubmatch(name)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return -1
	}
	return n
}

// attentionAndFeedForward are the layers of a diffusion transformer's block that become codes, by the names of diffusers and of
// Megatron.
var attentionAndFeedForward = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\.(to_q|to_k|to_v|to_out\.0|ffn\.net\.0\.proj|ffn\.net\.2|ff\.net\.0\.proj|ff\.net\.2|linear_qkv\.(q|qx|k|v)|linear_proj|linear_fc[12])$`)
})

// encoders are components whose every block becomes codes: their errors are not walked along a trajectory.
var encoders = []string{"text_encoder", "text_encoder_2", "image_encoder"}

func quantizable(l nn.Linear, blocks int) bool {
	i := blockOf(l.Name)
	if i < 0 {
		return false
	}
	if slices.Contains(encoders, l.Component) {
		return true
	}
	high := min(3, blocks/10) // at each end: three of the published models' 30 to 48 blocks, none of a small one's
	return i >= high && i < blocks-high && attentionAndFeedForward().MatchString(l.Name)
}
