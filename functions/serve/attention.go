package serve

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// AttentionEnv says which attention a diffusion transformer has on a GPU: "auto" (the default: exact), "exact", this project's operator
// where there is one for the GPU, else the library's; "int8", the operator with scores of INT8 codes, which is faster and rounds; or
// "library", ONNX Runtime's, whatever there is.
const AttentionEnv = "VIDEOSDGX_ATTENTION"

// The ways of attention, besides auto.
const (
	exactAttention   = "exact"
	int8Attention    = "int8"
	libraryAttention = "library"
)

// attention is what a model's graphs attend with, and why.
type attention struct{ is, why string }

func (a attention) String() string {
	if a.is == "" {
		return ""
	}
	return a.is + " (" + a.why + ")"
}

// chooseAttention turns what is asked for into what the device has, given its compute capability. What is asked for and cannot be is
// refused.
func chooseAttention(asked string, d engine.Device, capability int) (attention, error) {
	if !slices.Contains([]string{"", auto, exactAttention, int8Attention, libraryAttention}, asked) {
		return attention{}, fmt.Errorf("%s is %q: auto, exact, int8 or library would do: %w", AttentionEnv, asked, errdefs.ErrInvalidArgument)
	}
	hopper := capability == 90
	switch {
	case asked == int8Attention && d.Host():
		return attention{}, fmt.Errorf("attention: int8 is a GPU's of compute capability 9.0, and this model runs on the CPU; auto would do: %w", errdefs.ErrFailedPrecondition)
	case asked == int8Attention && !hopper:
		return attention{}, fmt.Errorf("attention: int8 needs a GPU of compute capability 9.0, and %s has %d.%d; auto would do: %w", d, capability/10, capability%10, errdefs.ErrFailedPrecondition)
	case d.Host():
		return attention{}, nil
	case asked == int8Attention || asked == libraryAttention:
		return attention{asked, "asked for"}, nil
	case !hopper:
		return attention{libraryAttention, fmt.Sprintf("the GPU has compute capability %d.%d; the operator is for 9.0", capability/10, capability%10)}, nil
	case asked == exactAttention:
		return attention{exactAttention, "asked for"}, nil
	}
	return attention{string(fuse.Auto), "auto: the GPU has compute capability 9.0"}, nil
}

// attending opens graphs with the attention that was chosen. Codes are the diffusion transformers' alone.
type attending struct {
	engine.Engine
	attention
	capability func(engine.Device) int
}

func (e attending) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	if o.Device.Host() || e.is != exactAttention && e.is != int8Attention {
		return e.Engine.Open(ctx, path, o)
	}
	as, before := fuse.Exact, o.Change
	if e.is == int8Attention && isDenoiser(path) {
		as = fuse.INT8
	}
	o.Change = func(m *onnx.Model) error {
		if before != nil {
			if err := before(m); err != nil {
				return err
			}
		}
		if n := fuse.Attend(m, e.capability(o.Device), as, fuse.Few{}); n == 0 && as == fuse.INT8 {
			return fmt.Errorf("no attention of it can have scores of INT8 codes, which are for heads of 128 in graphs of 16 bits; attention: auto would do: %w", errdefs.ErrFailedPrecondition)
		}
		return nil
	}
	return e.Engine.Open(ctx, path, o)
}
