package ort

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// readModel is the graph of the model at path. It also checks that the external data is all there: the library would map a
// file that is too short and die of it during the run.
func readModel(path string) (*onnx.Model, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := onnx.Decode(b)
	if err != nil {
		return nil, err
	}
	return m, checkData(filepath.Dir(path), m)
}

func checkData(dir string, m *onnx.Model) error {
	if err := m.CheckPlaces(); err != nil {
		return err
	}
	sizes := map[string]int64{}
	for i := range m.Graph.Initializers {
		x := m.Graph.Initializers[i].External
		if x == nil {
			continue
		}
		if !filepath.IsLocal(x.Location) {
			return fmt.Errorf("weights lie outside the bundle, at %s", x.Location)
		}
		if _, ok := sizes[x.Location]; !ok {
			st, err := os.Stat(filepath.Join(dir, x.Location))
			if err != nil {
				return err
			}
			sizes[x.Location] = st.Size()
		}
		if have, want := sizes[x.Location], x.Offset+x.Length; have < want {
			return fmt.Errorf("%s is truncated: %d bytes, at least %d expected", x.Location, have, want)
		}
	}
	return nil
}
