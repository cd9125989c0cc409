// Package wan21 is Wan 2.1, text to video and image to video, of the package wan.
package wan21

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan"
)

// Family is what the manifest of a Wan 2.1 bundle calls its model.
const Family = wan.Family21

// TransformerConfig is transformer/config.json.
type TransformerConfig = wan.TransformerConfig

// Transformer is the graph of WanTransformer3DModel.
func Transformer(c TransformerConfig, o nn.Options) (*nn.Net, error) { return wan.Transformer(c, o) }

// Recipe says what becomes of a Wan 2.1 checkpoint in the diffusers layout.
func Recipe(ckpt *weights.Checkpoint) (bundle.Recipe, error) {
	r, err := wan.Recipe(ckpt)
	if err == nil && r.Family != Family {
		err = fmt.Errorf("%s is a checkpoint of %s, not %s: %w", ckpt.Dir, r.Family, Family, errdefs.ErrInvalidArgument)
	}
	return r, err
}

// Open opens a bundle of this family.
func Open(ctx context.Context, m *bundle.Model) (handler.Model, error) {
	return wan.Open(ctx, m, Family)
}

// Entry is what this family hands over.
func Entry() serve.Family { return wan.Entry(Family) }
