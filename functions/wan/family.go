package wan

import (
	"context"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// Entry is what a family of this room hands over: Family21 or Family22. Their checkpoints have the same classes; Recipe tells
// them apart by what they hold.
func Entry(family string) serve.Family {
	return serve.Family{
		Name:    family,
		Classes: []string{"WanPipeline", "WanImageToVideoPipeline"},
		Recipe:  Recipe,
		Open: func(ctx context.Context, m *bundle.Model) (handler.Model, error) {
			return Open(ctx, m, family)
		},
		Shapes:  Shapes,
		Random:  RandomRecipe,
		Presets: Presets(),
	}
}
