package wan

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// streamChild names the checkpoint that a child of the test builds while its memory is measured; streamLayers is how many of
// the 40 blocks of the 14B model it has, one by default, and streamPrecision what they are held as. bench/sizes has all 40.
const (
	streamChild     = "WAN21_TEST_STREAM_CHECKPOINT"
	streamLayers    = "WAN21_TEST_STREAM_LAYERS"
	streamPrecision = "WAN21_TEST_STREAM_PRECISION"
)

// A checkpoint of the 14B model's shapes, whose files are holes, is built in less than 256 MiB of memory: less than
// its largest tensor takes as float32.
func TestBuildingStreams(t *testing.T) {
	if dir := os.Getenv(streamChild); dir != "" {
		buildAndReport(t, dir)
		return
	}
	kernelstest.Library(t)
	dir, layers := t.TempDir(), int64(1)
	fmt.Sscan(os.Getenv(streamLayers), &layers)
	sparseCheckpoint(t, dir, layers)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestBuildingStreams$", "-test.v", "-test.timeout", "30m")
	cmd.Env = append(os.Environ(), streamChild+"="+dir)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func buildAndReport(t *testing.T, dir string) {
	out := filepath.Join(t.TempDir(), "bundle")
	m, err := serve.Build(context.Background(), dir, out, Recipe, bundle.Options{Precision: cmp.Or(os.Getenv(streamPrecision), "fp8")})
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	kb := int64(-1)
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "VmHWM: %d kB", &kb)
	}
	t.Logf("a bundle of %.2f GB, at most %.0f MB resident", float64(m.Bytes())/1e9, float64(kb)*1024/1e6)
	if kb < 0 || kb > 256<<10 {
		t.Errorf("%d kB were resident, at most 256 MiB are allowed", kb)
	}
}

// sparseCheckpoint writes the demo's checkpoint with the 14B model's transformer and a text encoder of UMT5-XXL's width.
func sparseCheckpoint(t *testing.T, dir string, layers int64) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(demoCheckpoint)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "SHA256SUMS")); err != nil {
		t.Fatal(err)
	}
	ckpt, err := weights.InspectCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	r, err := Recipe(ckpt)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseConfigs(r.Configs)
	if err != nil {
		t.Fatal(err)
	}
	c.Transformer = publishedConfig(40, layers, 13824, 16, 0)
	c.Text.DModel, c.Text.DFF, c.Text.DKV, c.Text.NumHeads, c.Text.NumLayers = 4096, 10240, 64, 64, max(layers*24/40, 1)
	c.Text.VocabSize = max(32768, 256384*layers/40)
	for component, config := range map[string]any{"transformer": c.Transformer, "text_encoder": c.Text} {
		sparseComponent(t, filepath.Join(dir, component), component, config, c.graphs())
	}
}

func sparseComponent(t *testing.T, dir, component string, config any, graphs []bundle.Graph) {
	t.Helper()
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.safetensors*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	head, size := map[string]any{}, int64(0)
	for _, g := range graphs {
		if g.Component != component {
			continue
		}
		net, err := g.Build(nn.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range net.Params() {
			head[p.Name] = map[string]any{"dtype": "BF16", "shape": p.Dims, "data_offsets": []int64{size, size + 2*p.Elements()}}
			size += 2 * p.Elements()
		}
	}
	writeSparse(t, filepath.Join(dir, "model.safetensors"), head, size)
}

func writeSparse(t *testing.T, path string, head map[string]any, size int64) {
	t.Helper()
	raw, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	raw = append(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))), raw...)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(raw))+size); err != nil {
		t.Fatal(err)
	}
}
