package registry

import (
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Read reads one manifest for a client that sends it elsewhere: as strictly as a Registry does, with paths made absolute.
// A bundle that does not lie beside the manifest keeps its name, for the server to find. Defaults come with Put.
func Read(path string) (spec.Function, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return spec.Function{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return spec.Function{}, err
	}
	fn, _, err := parse(path, text)
	if err != nil {
		return fn, err
	}
	fn.Dir = filepath.Dir(path)
	return resolve(fn, ""), nil
}
