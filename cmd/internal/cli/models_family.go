package cli

import (
	"fmt"
	"os"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/families"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// known are the model families that the commands know.
var known = families.All()

// familyOf tells a checkpoint's without opening the weights.
func familyOf(checkpoint string) (serve.Family, error) {
	if _, err := os.Stat(checkpoint); err != nil {
		return serve.Family{}, fmt.Errorf("there is no checkpoint at %s; `videosdgx models pull` fetches one: %w", checkpoint, errdefs.ErrNotFound)
	}
	return known.Of(checkpoint)
}
