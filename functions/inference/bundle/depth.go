package bundle

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/lora"
)

// Depth holds the blocks that a component's configuration counts to those that its weights have, whose tensors are called prefix,
// the block's number, a dot and the rest. Of fewer a graph could be built, and would be another model. Weights without any such
// tensor are told of by whoever misses one.
func (r Recipe) Depth(component, prefix string, counted int64) error {
	named, ok := r.Weights(component).(lora.Base)
	if !ok {
		return nil
	}
	there := int64(0)
	for _, name := range named.Names() {
		rest, ok := strings.CutPrefix(name, prefix)
		number, _, dotted := strings.Cut(rest, ".")
		if n, err := strconv.ParseInt(number, 10, 32); ok && dotted && err == nil {
			there = max(there, n+1)
		}
	}
	if there == 0 || there == counted {
		return nil
	}
	return fmt.Errorf("%s has %d blocks by its configuration and %d by its weights (%s0 and so on): they are of two models, fetch both again: %w",
		component, counted, there, prefix, errdefs.ErrInvalidArgument)
}
