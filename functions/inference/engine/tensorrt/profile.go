package tensorrt

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// takes says whether the profile's ranges hold the shapes of these inputs.
func (p Profile) takes(shapes map[string][]int64) bool {
	for name, r := range p {
		s, ok := shapes[name]
		if !ok || len(s) != len(r.Least) {
			return false
		}
		for i, d := range s {
			if d < r.Least[i] || d > r.Most[i] {
				return false
			}
		}
	}
	return true
}

// String is "x from 1 to 3120, y …": its inputs' least and greatest shapes.
func (p Profile) String() string {
	var parts []string
	for _, name := range sortedNames(p) {
		parts = append(parts, fmt.Sprintf("%s from %v to %v", name, p[name].Least, p[name].Most))
	}
	return strings.Join(parts, ", ")
}

// profileFor is the first profile of the plan that takes these shapes, which is the one of the smallest class that does: TensorRT
// chose its kernels for the greatest shape of each. A plan of one profile judges shapes itself.
func (s *session) profileFor(fed map[string]*memory) (int, error) {
	if len(s.profiles) < 2 {
		return 0, nil
	}
	shapes := map[string][]int64{}
	for name, m := range fed {
		shapes[name] = m.dims
	}
	i := slices.IndexFunc(s.profiles, func(p Profile) bool { return p.takes(shapes) })
	if i < 0 {
		return 0, fmt.Errorf("%s takes shapes up to %s, not %v: `videosdgx models plan --size` builds for others: %w",
			s.path, s.profiles[len(s.profiles)-1], shapes, errdefs.ErrInvalidArgument)
	}
	return i, nil
}

// Sorted puts profiles in the order in which a run looks for its own: those of smaller greatest shapes first.
func Sorted(all []Profile) []Profile {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Profile) int { return cmp.Compare(a.elements(), b.elements()) })
	return all
}

// elements are those of all greatest shapes together.
func (p Profile) elements() (n float64) {
	for _, r := range p {
		n += float64(engine.Elements(r.Most))
	}
	return n
}
