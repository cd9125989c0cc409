package builder

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestTheImagesOfThisTree: each is called as its folder; one for TensorRT is that for CUDA
// and what TensorRT needs, so that they share all other layers.
func TestTheImagesOfThisTree(t *testing.T) {
	found, err := filepath.Glob("../*/image.yaml")
	if err != nil || len(found) < 10 {
		t.Fatalf("%d images, %v", len(found), err)
	}
	for _, path := range found {
		dir := filepath.Dir(path)
		name := filepath.Base(dir)
		r, err := ReadRecipe(dir)
		if err != nil {
			t.Error(err)
			continue
		}
		if r.Name != "videosdgx/"+name+":latest" || !slices.Contains([]string{"", name}, r.Labels["org.opencontainers.image.title"]) {
			t.Errorf("%s: name %s, title %s", name, r.Name, r.Labels["org.opencontainers.image.title"])
		}
		if engine, ok := strings.CutSuffix(name, "-tensorrt"); ok {
			overCUDA(t, r, filepath.Join("..", engine+"-cuda"))
		}
	}
}

// overCUDA compares a recipe with the one at cuda.
func overCUDA(t *testing.T, r *Recipe, cuda string) {
	t.Helper()
	of, err := ReadRecipe(cuda)
	if err != nil {
		t.Error(err)
		return
	}
	var own, rest []LayerRecipe
	for _, l := range r.Layers {
		if slices.ContainsFunc(l.Files, func(f FileItem) bool {
			return strings.Contains(f.From, "tensorrt") || strings.Contains(f.From, "vdx_trt")
		}) {
			own = append(own, l)
		} else {
			rest = append(rest, l)
		}
	}
	if len(own) != 2 || !reflect.DeepEqual(rest, of.Layers) || !slices.Equal(r.Entrypoint, of.Entrypoint) || r.User != of.User {
		t.Errorf("%s is not %s with TensorRT: %+v beside %+v", r.Name, of.Name, rest, of.Layers)
	}
}

// TestEveryFunctionOfPlansHasAnImageForThem: the families that `models plan` knows are Wan's.
func TestEveryFunctionOfPlansHasAnImageForThem(t *testing.T) {
	for _, of := range []string{"wan21", "wan22"} {
		if _, err := os.Stat(filepath.Join("..", of+"-tensorrt", "image.yaml")); err != nil {
			t.Error(err)
		}
	}
}
