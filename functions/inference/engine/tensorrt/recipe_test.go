package tensorrt

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

func TestRecipesAreCheckedBeforeTensorRTIsAsked(t *testing.T) {
	ok := Range{Least: []int64{1, 4}, Usual: []int64{1, 8}, Most: []int64{2, 16}}
	for say, r := range map[string]Recipe{
		"names no graph": {},
		"the same rank":  {Model: "g", Profiles: []Profile{{"x": {Least: []int64{1}, Usual: []int64{1, 2}, Most: []int64{1}}}}},
		"must not fall":  {Model: "g", Profiles: []Profile{{"x": {Least: []int64{5}, Usual: []int64{4}, Most: []int64{8}}}}},
		"profile 1 has":  {Model: "g", Profiles: []Profile{{"x": ok}, {"y": ok}}},
		"8 at the most":  {Model: "g", Profiles: []Profile{{"x": {Least: make([]int64, 9), Usual: make([]int64, 9), Most: make([]int64, 9)}}}},
	} {
		if err := r.Check(); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", say, err)
		}
	}
	if err := (Recipe{Model: "g", Profiles: []Profile{{"x": ok}}}).Check(); err != nil {
		t.Error(err)
	}
}
