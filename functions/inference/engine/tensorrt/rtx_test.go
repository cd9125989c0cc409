package tensorrt

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/form"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// rtx is the TensorRT-RTX of this machine: its builder needs no GPU.
func rtx(t *testing.T) Install {
	t.Helper()
	if os.Getenv("VIDEOSDGX_TEST_TENSORRT") == "" {
		t.Skip("VIDEOSDGX_TEST_TENSORRT is not set: `make setup-tensorrt` brings TensorRT-RTX, `make test` sets it")
	}
	t.Setenv(ShimsEnv, filepath.Dir(shimFor(t, "libvdx_trtrtx1.so")))
	all, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range all {
		if at.Family == RTX {
			return at
		}
	}
	t.Fatalf("no TensorRT-RTX among %v", all)
	return Install{}
}

// product is a graph of one product with a weight [n, k] held in a format, in BF16.
func product(t *testing.T, f quant.Format, n, k int) string {
	t.Helper()
	w := make([]float32, n*k)
	r := rand.New(rand.NewPCG(7, 7))
	for i := range w {
		w[i] = float32(r.NormFloat64())
	}
	q, err := quant.Encode("w", f, quant.Options{Block: map[quant.Format]int{quant.INT4: 64}[f]}, w, n, k)
	if err != nil {
		t.Fatal(err)
	}
	return enginetest.Write(t, func(b *onnx.Builder) {
		x := b.Op("Cast", []onnx.Value{b.Input("x", onnx.Float32, "rows", k)}, onnx.Int("to", int64(onnx.BFloat16)))
		parts := map[string]onnx.Value{}
		for _, p := range q.Parts() {
			dtype := onnx.Uint8
			if p.Float {
				dtype = onnx.Float32
			}
			parts[p.Suffix] = b.Weight("w"+p.Suffix, dtype, p.Dims, func(to io.Writer) error { _, err := to.Write(p.Data); return err })
		}
		y := quant.Linear(b, x, q, parts, "", false)
		b.Output("y", b.Op("Cast", []onnx.Value{y}, onnx.Int("to", int64(onnx.Float32))), onnx.Float32, "rows", n)
	})
}

// TestPlansForTheSparkInEveryFormat builds for sm_121 on whatever machine this is. A plan holds its weights as the bundle
// does, give or take the layout that its kernels want: its size says so.
func TestPlansForTheSparkInEveryFormat(t *testing.T) {
	b := Builder{Install: rtx(t), Planner: planner(t)}
	const n, k = 1024, 2048
	class := func(most int64) Profile {
		return Profile{"x": {Least: []int64{1, k}, Usual: []int64{most, k}, Most: []int64{most, k}}}
	}
	classes := Sorted([]Profile{class(1024), class(256)}) // of resolutions
	for f, bits := range map[quant.Format]float64{quant.BF16: 16, quant.FP8: 8, quant.NVFP4: 4.5, quant.INT4: 4.5, quant.NF4: 16, quant.INT8: 8} {
		path := filepath.Join(t.TempDir(), "x.plan")
		said, profiles := 0, classes
		if f != quant.BF16 { // of four bits a plan may hold another layout for each
			profiles = classes[1:]
		}
		graph := product(t, f, n, k)
		err := b.Build(context.Background(), Recipe{Model: graph, Scales: scalesOf(t, graph, f), Capability: 121, Profiles: profiles, Workspace: 1 << 30}, path, func(Report) { said++ })
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d kB", f, info.Size()>>10)
		if want := n * k * bits / 8; float64(info.Size()) < want || float64(info.Size()) > 1.5*want+200e3 {
			t.Errorf("%s: the plan has %d bytes, its weight %g", f, info.Size(), want)
		}
		if said == 0 {
			t.Errorf("%s: nothing was told of the build", f)
		}
	}
}

// scalesOf are scales for the inputs of a graph's products, where they are to be in INT8.
func scalesOf(t *testing.T, graph string, f quant.Format) map[string]float32 {
	t.Helper()
	if f != quant.INT8 {
		return nil
	}
	raw, err := os.ReadFile(graph)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	scales := map[string]float32{}
	for _, x := range form.Products(m) {
		scales[x] = 4.0 / 127
	}
	if len(scales) == 0 {
		t.Fatal("no product takes codes")
	}
	return scales
}

func TestDamagedPlansAreRefused(t *testing.T) {
	at := rtx(t)
	lib, err := Load(at)
	if err != nil {
		t.Fatal(err)
	}
	defer lib.Close()
	if lib.Name() == "" || !strings.HasPrefix(lib.Name(), "TensorRT-RTX 1.") {
		t.Error(lib.Name())
	}
	for name, content := range map[string][]byte{"empty": nil, "noise": []byte(strings.Repeat("not a plan ", 1000))} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := lib.Inspect(path); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A disk that is full is said, as what it is.
func TestAFullDiskIsSaid(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	order, err := json.Marshal(Order{Install: rtx(t), Recipe: Recipe{Model: graph(t), Capability: 121}})
	if err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	if code := Serve(bytes.NewReader(order), &told, full); code != 1 {
		t.Errorf("status %d", code)
	}
	if end := listen(&told, nil); end == nil || end.Class != "exhausted" || !strings.Contains(end.Error, "cannot write the plan: No space left on device") {
		t.Errorf("%+v", end)
	}
}

func TestAGraphThatTensorRTDoesNotTakeIsNamed(t *testing.T) {
	b := Builder{Install: rtx(t), Planner: planner(t)}
	model := enginetest.Write(t, func(b *onnx.Builder) {
		b.Output("y", b.Node("", "NoSuchOperator", []onnx.Value{b.Input("x", onnx.Float32, 4)}, 1)[0], onnx.Float32, 4)
	})
	err := b.Build(context.Background(), Recipe{Model: model, Capability: 121}, filepath.Join(t.TempDir(), "x.plan"), nil)
	if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "NoSuchOperator") {
		t.Error(err)
	}
}
