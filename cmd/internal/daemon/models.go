package daemon

import (
	"context"
	"encoding/json"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// modelInfo is what a function's bundle says of its model; nil when it cannot be read, which the function then says
// better.
func modelInfo(_ context.Context, fn spec.Function) []byte {
	man, err := weights.ReadManifest(fn.Model.Bundle)
	if err != nil {
		return nil
	}
	b, err := json.Marshal(map[string]any{
		"name": man.Name, "family": man.Family, "digest": man.Digest, "bytes": man.Bytes(), "defaults": man.Defaults,
	})
	if err != nil {
		return nil
	}
	return b
}
