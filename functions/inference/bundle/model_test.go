package bundle

import (
	"context"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// opener remembers the paths that it is asked to open.
type opener struct {
	engine.Engine
	opened []string
}

func (o *opener) Open(_ context.Context, path string, _ engine.Options) (engine.Session, error) {
	o.opened = append(o.opened, path)
	return nil, nil
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
