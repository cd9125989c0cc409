package ltx2

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// streamChild names the checkpoint that a child of the test plans or builds while its memory is measured; streamLayers is how many
// of the transformer's 48 blocks, and of the text encoder's 48 layers, what is built has: 48 is the whole, and takes minutes.
const (
	streamChild  = "LTX2_TEST_STREAM_CHECKPOINT"
	streamBuild  = "LTX2_TEST_STREAM_BUILD"
	streamLayers = "LTX2_TEST_STREAM_LAYERS"
)

// sparseCheckpoint writes a checkpoint whose weights are holes.
func sparseCheckpoint(t *testing.T, dir string, released map[string]any) {
	t.Helper()
	writeCheckpoint(t, dir) // for its tokenizer and index
	by := map[string]json.RawMessage{}
	index := map[string]any{"_class_name": "LTX2Pipeline", "tokenizer": []string{"transformers", "GemmaTokenizer"}}
	for name, c := range released {
		raw, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		by[name], index[name] = raw, []string{"ltx2", name}
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name, "config.json"), raw)
	}
	raw, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "model_index.json"), raw)
	c, err := parseConfigs(by)
	if err != nil {
		t.Fatal(err)
	}
	heads, sizes := map[string]map[string]any{}, map[string]int64{}
	add := func(component, name string, dims []int64, elements int64) {
		if heads[component] == nil {
			heads[component] = map[string]any{}
		}
		if heads[component][name] == nil {
			at := sizes[component]
			heads[component][name] = map[string]any{"dtype": "BF16", "shape": dims, "data_offsets": []int64{at, at + 2*elements}}
			sizes[component] += 2 * elements
		}
	}
	for _, name := range []string{"latents_mean", "latents_std"} {
		add("vae", name, []int64{c.VAE.Latent}, c.VAE.Latent)
		add("audio_vae", name, []int64{c.Audio.width()}, c.Audio.width())
	}
	for _, g := range c.graphs() {
		net, err := g.Build(nn.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range net.Params() {
			add(g.Component, p.Name, p.Dims, p.Elements())
		}
	}
	for component, head := range heads {
		writeSparse(t, filepath.Join(dir, component, "model.safetensors"), head, sizes[component])
	}
}

func writeSparse(t *testing.T, path string, head map[string]any, size int64) {
	t.Helper()
	raw, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	raw = append(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))), raw...)
	writeFile(t, path, raw)
	if err := os.Truncate(path, int64(len(raw))+size); err != nil {
		t.Fatal(err)
	}
}

// The graphs of the real 19B, 61 GB of holes, are built in a minute and a gigabyte: what a plan needs, and a build before it
// writes anything.
func TestThePublishedShapesArePlanned(t *testing.T) {
	if dir := os.Getenv(streamChild); dir != "" {
		planAndReport(t, dir)
		return
	}
	inAChild(t, released(48, 48))
}

// A checkpoint of the published widths is built without any of its large tensors in memory as a whole.
func TestBuildingStreams(t *testing.T) {
	if dir := os.Getenv(streamBuild); dir != "" {
		buildAndReport(t, dir)
		return
	}
	kernelstest.Library(t)
	layers := int64(1)
	fmt.Sscan(os.Getenv(streamLayers), &layers)
	all := released(layers, layers)
	if layers == 1 { // a build that is to be quick has small autoencoders and no blocks of connectors: the largest products stay
		connectors := all["connectors"].(map[string]any)
		connectors["video_connector_num_layers"], connectors["audio_connector_num_layers"] = 0, 0
		for name, more := range map[string]map[string]any{"vae": {"latent_channels": 128}, "audio_vae": {"latent_channels": 8, "mel_bins": 64}, "vocoder": {"in_channels": 128}} {
			small := tinyForm()[name].(map[string]any)
			maps.Copy(small, more)
			all[name] = small
		}
	}
	inAChild(t, all)
}

// inAChild runs the test again in a process of its own, with a checkpoint.
func inAChild(t *testing.T, released map[string]any) {
	t.Helper()
	dir := t.TempDir()
	sparseCheckpoint(t, dir, released)
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "60m")
	cmd.Env = append(os.Environ(), streamChild+"="+dir, streamBuild+"="+dir)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func planAndReport(t *testing.T, dir string) {
	start := time.Now()
	p, err := serve.Plan(dir, Recipe, bundle.Options{}, bundle.ClipSize{})
	if err != nil {
		t.Fatal(err)
	}
	took, peak := time.Since(start), resident(t)
	most := p.Peak()
	t.Logf("%d tensors, %.1f GB in %s of %.1f GB as float32, at most %.1f GB in memory (%s), planned in %.1f s with %.0f MB resident", len(p.Tensors), float64(p.Bytes)/1e9, p.Precision,
		float64(p.Float32)/1e9, float64(most.Weights+most.Activations)/1e9, most.Graph, took.Seconds(), float64(peak)/1e6)
	if p.Float32 < 4*30e9 {
		t.Errorf("only %d bytes of float32: these are not the published shapes", p.Float32)
	}
	if took > time.Minute || peak > 1e9 {
		t.Errorf("it took %s and %d bytes, a minute and 1 GB are allowed", took, peak)
	}
	for _, x := range p.Tensors {
		if audio := strings.Contains(x.Name, ".audio_attn") || strings.Contains(x.Name, ".audio_ff"); x.Component == "transformer" && audio && x.To == "nf4" {
			t.Fatalf("%s becomes %s", x.Name, x.To)
		}
	}
}

func buildAndReport(t *testing.T, dir string) {
	start := time.Now()
	m, err := serve.Build(context.Background(), dir, filepath.Join(t.TempDir(), "bundle"), Recipe, bundle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	peak := resident(t)
	t.Logf("a bundle of %.2f GB in %s, at most %.0f MB resident", float64(m.Bytes())/1e9, time.Since(start).Round(time.Second), float64(peak)/1e6)
	if peak > 512<<20 {
		t.Errorf("%d bytes were resident, at most 512 MiB are allowed", peak)
	}
}

// resident is the most that was, in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	kb := int64(-1)
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "VmHWM: %d kB", &kb)
	}
	if kb < 0 {
		t.Fatal("the kernel says nothing of resident memory")
	}
	return kb << 10
}
