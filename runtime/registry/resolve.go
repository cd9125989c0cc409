package registry

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// resolve makes the paths of fn absolute: mounts, an image layout and a command without an image lie beside the manifest;
// a bundle lies beside the manifest or, where it does not, under models.
func resolve(fn spec.Function, models string) spec.Function {
	if layout, ok := strings.CutPrefix(fn.Image, "oci:"); ok {
		fn.Image = "oci:" + beside(fn.Dir, layout)
	}
	if fn.Image == "" && len(fn.Command) > 0 && strings.ContainsRune(fn.Command[0], '/') {
		fn.Command[0] = beside(fn.Dir, fn.Command[0])
	}
	for i := range fn.Mounts {
		fn.Mounts[i].Source = beside(fn.Dir, fn.Mounts[i].Source)
	}
	if fn.Model != nil {
		fn.Model.Bundle = bundle(fn.Dir, models, fn.Model.Bundle)
	}
	return fn
}

func beside(dir, path string) string {
	if path == "" || filepath.IsAbs(path) || dir == "" {
		return path
	}
	return filepath.Join(dir, path)
}

func bundle(dir, models, path string) string {
	near := beside(dir, path)
	if filepath.IsAbs(path) || path == "" {
		return path
	}
	if _, err := os.Stat(near); dir != "" && err == nil {
		return near
	}
	return filepath.Join(models, path)
}
