// Package wan22 is Wan 2.2, the single model that takes text or an image (TI2V-5B) and the pairs of experts (A14B), of the
// package wan.
package wan22

import (
	"context"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan"
)

// Family is what the manifest of a Wan 2.2 bundle calls its model.
const Family = wan.Family22

// Open opens a bundle of this family.
func Open(ctx context.Context, m *bundle.Model) (handler.Model, error) {
	return wan.Open(ctx, m, Family)
}

// Entry is what this family hands over.
func Entry() serve.Family { return wan.Entry(Family) }
