package hub

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// choose picks the files: those that are wanted, and of weights in several variants one for each folder.
func (o Options) choose(all []Entry) ([]Entry, error) {
	var out []Entry
	for _, e := range all {
		wanted := len(o.Include) == 0 && !matches(notNeeded, e.Path) || matches(o.Include, e.Path)
		if wanted && !matches(o.Exclude, e.Path) && path.Base(e.Path) != weights.SumsName {
			out = append(out, e)
		}
	}
	if len(o.Include) > 0 && o.Variant == "" {
		return out, nil
	}
	chosen, err := o.variants(out)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(out, func(e Entry) bool {
		v, is := variant(e.Path)
		return is && v != chosen[path.Dir(e.Path)]
	}), nil
}

// variants says for each folder which one to take.
func (o Options) variants(files []Entry) (map[string]string, error) {
	have := map[string][]string{}
	asked := false
	for _, e := range files {
		if v, is := variant(e.Path); is {
			have[path.Dir(e.Path)] = append(have[path.Dir(e.Path)], v)
			asked = asked || v == o.Variant
		}
	}
	if o.Variant != "" && !asked {
		there := slices.Concat(slices.Collect(maps.Values(have))...)
		slices.Sort(there)
		return nil, fmt.Errorf("there are no weights of the variant %q, only of %s: %w", o.Variant, variantNames(slices.Compact(there)), errdefs.ErrNotFound)
	}
	chosen := map[string]string{}
	for dir, all := range have {
		if chosen[dir] = weights.BestVariant(all); slices.Contains(all, o.Variant) {
			chosen[dir] = o.Variant
		}
	}
	return chosen, nil
}

func variant(p string) (string, bool) {
	n, ok := weights.ParseFileName(path.Base(p))
	return n.Variant, ok
}

func variantNames(all []string) string {
	out := make([]string, len(all))
	for i, v := range all {
		if out[i] = fmt.Sprintf("%q", v); v == "" {
			out[i] = "none in particular"
		}
	}
	return strings.Join(out, ", ")
}
