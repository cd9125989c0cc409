// Package compiletest compiles a graph as a bundle would have it and opens it, for tests of graphs.
package compiletest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/engine/split"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/written"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Modeler is a finished graph.
type Modeler interface {
	Model() (*onnx.Model, error)
}

// DeviceEnv names the device that Open's graphs run on ("cuda:0"; the CPU by default), or several that share transformers, as the GPUs of
// a function do: "cuda:0,cuda:1" have a part each, with WholeEnv set a copy each. FormEnv names the graphs' form there: "" as they were built, "fused" with a GPU's fused operators in float32, "bf16", "fp16", or "half", the one of the two that a bundle has by default,
// FP8 weights multiplied by codes.
// On the CPU "" is what a bundle has for it, "plain" what was built, and a GPU's forms are written out: every value is rounded
// to the type that it has there.
const (
	DeviceEnv = kernelstest.DeviceEnv
	WholeEnv  = "VIDEOSDGX_TEST_WHOLE"
	FormEnv   = "VIDEOSDGX_TEST_FORM"
)

// Open compiles and opens the graph that build returned; the session is closed with the test.
func Open[G Modeler](t testing.TB, g G, err error) engine.Session {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	m, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	e, err := ort.Load()
	if err != nil {
		t.Fatal(err)
	}
	all := devices(t)
	device := all[0]
	var opt compile.Optimiser = e
	switch f := os.Getenv(FormEnv); {
	case device.Host() && f == "":
		kernelstest.Library(t)
		if err := fuse.CPU(m); err != nil {
			t.Fatal(err)
		}
	case device.Host() && f != "plain":
		kernelstest.Library(t)
		opt = nil
		form(t, m, f)
		if err := written.Out(m); err != nil {
			t.Fatal(err)
		}
	case !device.Host():
		opt = nil // the library's optimiser knows the CPU's operators
		form(t, m, f)
	}
	dir := t.TempDir()
	w, err := compile.Resume(dir, filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	w = w.With(opt)
	if err := w.Add(context.Background(), "graph.onnx", m); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := over(e, all, m.Graph.Name).Open(context.Background(), filepath.Join(dir, "graph.onnx"), engine.Options{Device: device})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// devices are those that DeviceEnv names.
func devices(t testing.TB) (all []engine.Device) {
	t.Helper()
	for name := range strings.SplitSeq(os.Getenv(DeviceEnv), ",") {
		d, err := engine.ParseDevice(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// over is the engine with which several devices share a transformer.
func over(e engine.Engine, all []engine.Device, graph string) engine.Engine {
	if len(all) < 2 || !strings.HasPrefix(graph, "transformer") {
		return e
	}
	return &split.Engine{Engine: e, Devices: all, Spread: []string{"graph"}, Fits: func(int64) bool { return os.Getenv(WholeEnv) != "" }}
}

// BearsFP16 says of a graph, by its name, whether bundles of the models under test have it in FP16 by default; nil: none.
var BearsFP16 func(graph string) bool

func form(t testing.TB, m *onnx.Model, f string) {
	t.Helper()
	o := fuse.Options{}
	switch f {
	case "":
		return
	case "fused":
		o.Type = onnx.Float32
	case "bf16":
		o.Type = onnx.BFloat16
	case "fp16":
		o.Type = onnx.Float16
	case "half":
		o.Type, o.Codes = onnx.BFloat16, true
		if BearsFP16 != nil && BearsFP16(m.Graph.Name) {
			o.Type = onnx.Float16
		}
	default:
		t.Fatalf("%s=%s is none of fused, bf16, fp16, half", FormEnv, f)
	}
	if err := fuse.CUDA(m, o); err != nil {
		t.Fatal(err)
	}
}

// Run runs s and fails the test on an error.
func Run(t testing.TB, s engine.Session, inputs engine.Values) engine.Values {
	t.Helper()
	out, err := s.Run(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
