package bundle

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// opener remembers the paths that it is asked to open.
type opener struct {
	engine.Engine
	opened []string
	coarse []bool
}

func (o *opener) Open(_ context.Context, path string, how engine.Options) (engine.Session, error) {
	o.opened, o.coarse = append(o.opened, path), append(o.coarse, how.Coarse)
	return nil, nil
}

// Only the graphs that a family names multiply coarsely.
func TestOnlyTheNamedGraphsAreCoarse(t *testing.T) {
	e := &opener{}
	m := &Model{Bundle: &weights.Bundle{Dir: "dir", Manifest: weights.Manifest{Version: 2, Files: []weights.FileEntry{{Path: "dit.cuda.onnx"}, {Path: "vae.cuda.onnx"}}}},
		Engine: e, Options: engine.Options{Device: engine.Device{Kind: engine.CUDA}}, Coarse: []string{"vae"}}
	for _, name := range []string{"dit", "vae", "dit"} {
		if _, err := m.OpenGraph(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(e.coarse, []bool{false, true, false}) {
		t.Errorf("opened %v, coarse %v", e.opened, e.coarse)
	}
}

func TestGraphsAreChosenByDevice(t *testing.T) {
	for _, c := range []struct {
		version      int
		device, file string // in the bundle
		opens        string
	}{
		{1, "cpu", "dit.onnx", "dir/dit.onnx"},
		{2, "cpu", "dit.cpu.onnx", "dir/dit.cpu.onnx"},
		{2, "cuda:1", "dit.cuda.onnx", "dir/dit.cuda.onnx"},
		{2, "cuda:1", "dit.cpu.onnx", ""},
		{1, "cuda", "dit.onnx", ""},
	} {
		d, err := engine.ParseDevice(c.device)
		if err != nil {
			t.Fatal(err)
		}
		e := &opener{}
		m := &Model{Bundle: &weights.Bundle{Dir: "dir", Manifest: weights.Manifest{Version: c.version, Files: []weights.FileEntry{{Path: c.file}}}},
			Engine: e, Options: engine.Options{Device: d}}
		s := m.Open(context.Background(), []string{"dit"})
		_, err = s.Get(context.Background(), "dit")
		s.Close()
		switch {
		case c.opens == "":
			if !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "models build") {
				t.Errorf("version %d on %s with %s: %v", c.version, c.device, c.file, err)
			}
		case err != nil || len(e.opened) != 1 || e.opened[0] != c.opens:
			t.Errorf("version %d on %s opens %v, %v", c.version, c.device, e.opened, err)
		}
	}
}

// TestAGraphInPartsLiesOnSeveralDevices: what does not fit one device may fit two with the rest of the model.
func TestAGraphInPartsLiesOnSeveralDevices(t *testing.T) {
	dir, files := t.TempDir(), []weights.FileEntry{}
	for name, bytes := range map[string]int64{"transformer": 1000, "vae": 200} {
		g := onnx.Model{IRVersion: 10, Opsets: []onnx.Opset{{Version: 20}}, Graph: onnx.Graph{Name: name, Initializers: []onnx.Tensor{{Name: "w", Type: onnx.Uint8, Dims: []int64{bytes}, Raw: make([]byte, bytes)}}}}
		raw, err := g.Encode()
		if err != nil {
			t.Fatal(err)
		}
		file := GraphFile(name, "cuda")
		if err := os.WriteFile(filepath.Join(dir, file), raw, 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, weights.FileEntry{Path: file})
	}
	for parts, want := range map[int64]bool{0: false, 1: false, 2: true} {
		m := &Model{Bundle: &weights.Bundle{Dir: dir, Manifest: weights.Manifest{Version: 2, Files: files}}, Memory: 1200,
			Options: engine.Options{Device: engine.Device{Kind: engine.CUDA}}}
		if parts > 0 {
			m.Share = func(graph string, weights int64) int64 {
				return map[string]int64{"transformer": weights / parts, "vae": weights}[graph]
			}
		}
		if n, err := m.DeviceBytes("vae"); n != 200 || err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
		if got := m.fits([]string{"transformer", "vae"}); got != want { // three quarters of 1200: 1200 bytes do not fit, 700 do
			t.Errorf("in %d parts it fits: %v", parts, got)
		}
	}
}
