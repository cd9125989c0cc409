package nn

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// MostLayers and MostSize bound what a graph is built for: far beyond every published model, and still counted in no time.
const (
	MostLayers = 1024
	MostSize   = 1 << 24
)

// CheckLayers refuses a number of repeated blocks of the component what that is not positive or beyond MostLayers.
func CheckLayers(what string, n int64) error {
	if n > 0 && n <= MostLayers {
		return nil
	}
	return fmt.Errorf("%s of %d layers; 1 to %d are possible, fetch its config.json again: %w", what, n, MostLayers, errdefs.ErrInvalidArgument)
}

// CheckSizes refuses sizes in the configuration of the component what that are not positive or beyond MostSize.
func CheckSizes(what string, sizes ...int64) error {
	for _, v := range sizes {
		switch {
		case v <= 0:
			return fmt.Errorf("%s configuration has a size that is missing or not positive: %w", what, errdefs.ErrInvalidArgument)
		case v > MostSize:
			return fmt.Errorf("%s configuration has the size %d; %d is the most, fetch its config.json again: %w", what, v, MostSize, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}
