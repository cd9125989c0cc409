package tensorrt

import (
	"fmt"
	"maps"
	"slices"

	"github.com/containerd/errdefs"
)

// maxRank is VDX_TRT_MAX_RANK of the shim.
const maxRank = 8

func sortedNames(p Profile) []string { return slices.Sorted(maps.Keys(p)) }

// Check says what is wrong with the recipe before any TensorRT is asked.
func (r Recipe) Check() error {
	if r.Model == "" {
		return fmt.Errorf("a recipe names no graph: %w", errdefs.ErrInvalidArgument)
	}
	for i, p := range r.Profiles {
		if !slices.Equal(sortedNames(p), sortedNames(r.Profiles[0])) {
			return fmt.Errorf("profile %d has other inputs than profile 0: %w", i, errdefs.ErrInvalidArgument)
		}
		for name, shape := range p {
			if err := shape.check(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s Range) check(name string) error {
	n := len(s.Least)
	if n > maxRank || len(s.Usual) != n || len(s.Most) != n {
		return fmt.Errorf("the least, usual and greatest shape of %s (%v, %v, %v) must have the same rank, %d at the most: %w",
			name, s.Least, s.Usual, s.Most, maxRank, errdefs.ErrInvalidArgument)
	}
	for i := range n {
		if s.Least[i] < 0 || s.Least[i] > s.Usual[i] || s.Usual[i] > s.Most[i] {
			return fmt.Errorf("dimension %d of %s goes from %d over %d to %d: it must not fall: %w",
				i, name, s.Least[i], s.Usual[i], s.Most[i], errdefs.ErrInvalidArgument)
		}
	}
	return nil
}
