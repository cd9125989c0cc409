package daemon

import (
	"context"
	"encoding/json"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// modelBundle is what a function's bundle says of its model, and the schema of its requests; nil when it cannot be read,
// which the function then says better.
func modelBundle(_ context.Context, fn spec.Function) (info, schema []byte) {
	man, err := weights.ReadManifest(fn.Model.Bundle)
	if err != nil {
		return nil, nil
	}
	says := map[string]any{"name": man.Name, "family": man.Family, "digest": man.Digest, "bytes": man.Bytes(), "defaults": man.Defaults}
	if man.Precision != "" {
		says["precision"] = man.HeldAs()
	}
	if man.Activations != "" {
		says["activations"] = man.ComputesIn()
	}
	if len(man.Held) > 0 {
		says["held"] = man.Held
	}
	info, err = json.Marshal(says)
	if err != nil {
		return nil, nil
	}
	return info, man.Schema
}
