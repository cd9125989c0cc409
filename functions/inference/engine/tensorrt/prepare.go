package tensorrt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/form"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// prepared is a bundle's graph as TensorRT takes it: a small file, and contents that lie in the bundle's mapped files.
type prepared struct {
	path    string // of the graph, in a folder of its own
	weights []form.Weight
	mapped  *mappedWeights
	pins    runtime.Pinner // contents that had to be made, which C reads
}

// prepare reads the graph of a recipe and brings it into the form of a TensorRT's major version. RTX counts from 1 and takes
// what TensorRT takes from 10 on.
func prepare(r Recipe, major int) (p *prepared, err error) {
	path := r.Model
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read graph: %w", err)
	}
	model, err := onnx.Decode(raw)
	if err == nil {
		err = model.CheckPlaces()
	}
	if err != nil {
		return nil, fmt.Errorf("graph %s: %w", path, err)
	}
	p = &prepared{mapped: &mappedWeights{dir: filepath.Dir(path), files: map[string][]byte{}}}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	var g *form.Graph
	if major == 8 {
		g, err = form.Eight(model, p.mapped.content, form.EightOptions{Scales: r.Scales, Slices: r.Slices})
	} else {
		g, err = form.Of(model, p.mapped.content, r.Scales)
	}
	if err != nil {
		return nil, fmt.Errorf("graph %s: %w", path, err)
	}
	dir, err := os.MkdirTemp("", "videosdgx-plan-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the graph: %w: %w", err, errdefs.ErrUnavailable)
	}
	p.path = filepath.Join(dir, "graph.onnx")
	if major == 8 {
		return p, store(g, p.path, true)
	}
	p.weights = g.Weights
	return p, store(g, p.path, false)
}

// Lower writes a recipe's graph as TensorRT 8.6 is given it, with its weights beside it: ONNX Runtime runs it too, so
// that ranges can be measured and results compared where there is no TensorRT.
func Lower(r Recipe, to string) error {
	p, err := prepare(r, 8)
	if err != nil {
		return err
	}
	err = os.MkdirAll(to, 0o755)
	for _, name := range []string{"graph.onnx", weightsFile} {
		if err == nil {
			err = move(filepath.Join(filepath.Dir(p.path), name), filepath.Join(to, name))
		}
	}
	return errors.Join(err, p.close())
}

// move renames a file, or copies it where it goes to another file system.
func move(from, to string) error {
	if os.Rename(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// weightsFile is where TensorRT 8.6's parser reads weights: it takes none out of memory.
const weightsFile = "weights"

// store writes a graph, and where asked its weights into the file that it names.
func store(g *form.Graph, path string, weights bool) error {
	if weights {
		if err := storeWeights(g, filepath.Join(filepath.Dir(path), weightsFile)); err != nil {
			return fmt.Errorf("write the weights for TensorRT 8: %w", err)
		}
	}
	raw, err := g.Model.Encode()
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}

// storeWeights writes every weight behind the one before and says so in the graph.
func storeWeights(g *form.Graph, path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	at := map[string]int64{}
	end := int64(0)
	for _, w := range g.Weights {
		at[w.Name] = end
		if _, err := f.Write(w.Data); err != nil {
			return err
		}
		pad := -int64(len(w.Data)) & (onnx.PageSize - 1) // as in a bundle: ONNX Runtime opens the file too
		if _, err := f.Write(make([]byte, pad)); err != nil {
			return err
		}
		end += int64(len(w.Data)) + pad
	}
	for i := range g.Model.Graph.Initializers {
		if t := &g.Model.Graph.Initializers[i]; t.External != nil {
			t.External = &onnx.External{Location: weightsFile, Offset: at[t.Name], Length: t.Bytes()}
		}
	}
	return nil
}

func (p *prepared) close() error {
	p.pins.Unpin()
	p.mapped.close()
	if p.path == "" {
		return nil
	}
	return os.RemoveAll(filepath.Dir(p.path))
}
