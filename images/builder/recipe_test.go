package builder

import (
	"strings"
	"testing"
	"time"
)

var t0 = time.Unix(1e9, 0)

func TestBadRecipes(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"unknown field":   {strings.Replace(plain, "layers", "layer", 1), "layer not found"},
		"no name":         {strings.Replace(plain, "name: test/sh:latest\n", "", 1), "name is missing"},
		"no entrypoint":   {strings.Replace(plain, "entrypoint: [/function/fn]\n", "", 1), "entrypoint is missing"},
		"escaping target": {strings.Replace(plain, "/function/fn}", "/function/../../fn}", 1), "clean absolute path"},
		"missing binary":  {strings.Replace(plain, "bin:fn", "bin:nothere", 1), "run make build"},
		"missing file":    {strings.Replace(plain, "bin:fn", "nothere", 1), "nothere is missing; make it"},
		"no GPU's layer":  {strings.Replace(plain, "bin:fn", "/opt/videosdgx/gpu/nothere", 1), "run make setup-gpu"},
		"no TensorRT":     {strings.Replace(plain, "bin:fn", "/opt/videosdgx/tensorrt/nothere", 1), "run make setup-tensorrt"},
		"missing library": {strings.Replace(plain, "bin:fn", "lib:libnothere.so.9", 1), "libnothere.so.9"},
		"missing program": {plain + "  - programs: [surely-not-a-program]\n", "not on the PATH"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, o := recipe(t, c.body)
			_, _, err := Build(t.Context(), dir, o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
	if _, _, err := Build(t.Context(), t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), "no image.yaml") {
		t.Errorf("an empty folder: %v", err)
	}
}
