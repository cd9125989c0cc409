package weights

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
)

// FileName is what the Hugging Face libraries put into the name of a file of weights, or of the index of its shards.
type FileName struct {
	Stem    string // "diffusion_pytorch_model"
	Variant string // "fp16"; "" for the plain weights
	Shard   string // "-00001-of-00002"
	Index   bool
}

var weightsName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(.+?)(?:\.([A-Za-z]\w*))?(?:(-\d{5}-of-\d{5})(?:\.([A-Za-z]\w*))?)?\.safetensors(\.index(?:\.([A-Za-z]\w*))?\.json)?$`)
})

// ParseFileName takes a name without folders apart; false when it names no weights.
func ParseFileName(name string) (FileName, bool) {
	m := weightsName().FindStringSubmatch(name)
	if m == nil || strings.HasPrefix(name, ".") {
		return FileName{}, false
	}
	return FileName{Stem: m[1], Variant: cmp.Or(m[2], m[4], m[6]), Shard: m[3], Index: m[5] != ""}, true
}

// best is the order in which variants are preferred where none is asked for: none at all, then by precision.
var best = []string{"", "fp32", "bf16", "fp16", "fp8"}

// BestVariant chooses of the variants that there are.
func BestVariant(have []string) string {
	for _, v := range best {
		if slices.Contains(have, v) {
			return v
		}
	}
	return slices.Min(have)
}

// pick finds the weights among a folder's file names: the index of the shards, else the one file, of the variant that is
// asked for ("" is the best there is). It gives "" for a folder without weights.
func pick(dir string, names []string, variant string) (string, error) {
	byVariant := map[string]*found{}
	for _, name := range names {
		if n, ok := ParseFileName(name); ok {
			if byVariant[n.Variant] == nil {
				byVariant[n.Variant] = &found{}
			}
			byVariant[n.Variant].add(n, name)
		}
	}
	have := slices.Sorted(maps.Keys(byVariant))
	switch {
	case len(have) == 0:
		return "", nil
	case variant == "":
		variant = BestVariant(have)
	case byVariant[variant] == nil:
		return "", fmt.Errorf("%s has no weights of the variant %q, only of %q: %w", dir, variant, have, errdefs.ErrNotFound)
	}
	return byVariant[variant].one(dir)
}

// found is a folder's weights of one variant.
type found struct{ indexes, shards, whole []string }

func (f *found) add(n FileName, name string) {
	switch {
	case n.Index:
		f.indexes = append(f.indexes, name)
	case n.Shard != "":
		f.shards = append(f.shards, name)
	default:
		f.whole = append(f.whole, name)
	}
}

func (f *found) one(dir string) (string, error) {
	names := f.indexes
	if len(names) == 0 {
		names = f.whole
	}
	switch {
	case len(names) == 1:
		return names[0], nil
	case len(names) > 1:
		return "", &FormatError{File: dir, Reason: fmt.Sprintf("several weights to choose from (%s): leave one", strings.Join(names, ", "))}
	}
	return "", &FormatError{File: dir, Reason: fmt.Sprintf("%s is one of several shards, and their index (%s) is missing: pull it", f.shards[0], indexName(f.shards[0]))}
}

// indexName is how the libraries call the index of a shard.
func indexName(shard string) string {
	n, _ := ParseFileName(shard)
	if n.Variant != "" {
		return n.Stem + ".safetensors.index." + n.Variant + ".json"
	}
	return n.Stem + ".safetensors.index.json"
}
