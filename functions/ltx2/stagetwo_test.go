package ltx2

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// wideLoRA writes a LoRA of two modules, rank 2.
func wideLoRA(t *testing.T, dir string, seed uint64, metadata map[string]string) string {
	t.Helper()
	ckpt, err := weights.InspectCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	var all []weights.Tensor
	for i, module := range []string{"transformer_blocks.1.attn1.to_q", "proj_out"} {
		info, err := ckpt.Components["transformer"].Info(module + ".weight")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, weights.Float32Tensor("transformer."+module+".lora_A.weight", []int64{2, info.Shape[1]}, noise.Normal(seed+uint64(i), int(2*info.Shape[1]))),
			weights.Float32Tensor("transformer."+module+".lora_B.weight", []int64{info.Shape[0], 2}, noise.Normal(seed+10+uint64(i), int(2*info.Shape[0]))))
	}
	path := filepath.Join(t.TempDir(), "fast.safetensors")
	if err := weights.Write(path, all, metadata); err != nil {
		t.Fatal(err)
	}
	return path
}

// lastProduct is the weight of a GPU's graph that gives the video's velocity.
func lastProduct(t *testing.T, dir, graph string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, bundle.GraphFile(graph, "cuda")))
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(m.Graph.Initializers, func(w onnx.Tensor) bool { return w.Name == "transformer/proj_out.weight.fp16" })
	if i < 0 || m.Graph.Initializers[i].Raw == nil {
		t.Fatalf("%s has no proj_out", graph)
	}
	return m.Graph.Initializers[i].Raw
}

// split runs the second stage's transformer in another bundle.
type split struct{ graphs, second graphs }

func (s split) Run(ctx context.Context, graph string, in engine.Values, resident ...string) (engine.Values, error) {
	if graph == graphStageTwo {
		return s.second.Run(ctx, graphTransformer, in, resident...)
	}
	return s.graphs.Run(ctx, graph, in, resident...)
}

// A LoRA of the second stage alone leaves the first as it is; what the second makes is what a bundle with the LoRA makes of it.
func TestALoRAForTheSecondStageAlone(t *testing.T) {
	kernelstest.Library(t)
	dir, ctx := t.TempDir(), context.Background()
	ckpt, base := filepath.Join(dir, "checkpoint"), filepath.Join(dir, "base")
	writeCheckpoint(t, ckpt)
	cpu, err := serve.CPU()
	if err != nil {
		t.Fatal(err)
	}
	targets := []bundle.Target{cpu, serve.CUDA()}
	if _, err := serve.Build(ctx, ckpt, base, Recipe, bundle.Options{Precision: bundle.None, Targets: targets}); err != nil {
		t.Fatal(err)
	}
	fast, style, verify := wideLoRA(t, ckpt, 10, map[string]string{bundle.DistilledKey: "8step"}), wideLoRA(t, ckpt, 30, nil), weights.VerifyOptions{RecordDir: t.TempDir()}
	derived := func(component, styled string) string {
		t.Helper()
		out, loras := filepath.Join(dir, "with "+component+","+styled), []bundle.LoRA(nil)
		if styled != "" {
			loras = append(loras, bundle.LoRA{Path: style, Strength: 0.1, Component: styled})
		}
		if component != "" {
			loras = append(loras, bundle.LoRA{Path: fast, Strength: 0.1, Component: component})
		}
		d, err := serve.Derive(ctx, ckpt, base, Recipe, loras, verify)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if _, err := d.Build(ctx, out, bundle.Options{}, verify); err != nil {
			t.Fatal(err)
		}
		return out
	}
	plain, own, merged := openModel(t, base), openModel(t, derived(graphStageTwo, "")), openModel(t, derived("transformer", ""))
	if plain.stageTwo || !own.stageTwo || merged.stageTwo || own.defaults.Sigmas != nil || merged.defaults.Sigmas == nil {
		t.Fatalf("second stages %v %v %v, steps %v %v", plain.stageTwo, own.stageTwo, merged.stageTwo, own.defaults.Sigmas, merged.defaults.Sigmas)
	}
	if a, b := lastProduct(t, base, graphTransformer), lastProduct(t, filepath.Join(dir, "with "+graphStageTwo+","), graphStageTwo); bytes.Equal(a, b) {
		t.Error("on a GPU the last product has the weight that it had")
	}
	r := small()
	r.Width, r.Height, r.Steps = 64, 64, 2
	if a, b := generate(t, plain, r), generate(t, own, r); !slices.Equal(a.latents, b.latents) {
		t.Error("a clip of one stage is another with the second stage's LoRA")
	}
	r.Values = map[string]any{"two_stage": true}
	if a, b := generate(t, plain, r), generate(t, own, r); slices.Equal(a.latents, b.latents) {
		t.Error("the LoRA changes nothing")
	}
	secondIs(t, own, plain, merged, r)
	// one that is for both stages is in the second, too
	secondIs(t, openModel(t, derived(graphStageTwo, "transformer")), openModel(t, derived("", "transformer")), openModel(t, derived("transformer", "transformer")), r)
}

// secondIs holds a model to first's first stage and second's second.
func secondIs(t *testing.T, m, first, second Model, r handler.Request) {
	t.Helper()
	byHand := *first.Pipeline
	byHand.stageTwo, byHand.graphs = true, split{first.graphs, second.graphs}
	want, got := generate(t, Model{Pipeline: &byHand}, r).latents, generate(t, m, r).latents
	if slices.ContainsFunc(want, func(v float32) bool { return v != v || math.IsInf(float64(v), 0) }) {
		t.Fatal("the clip is no numbers")
	}
	if !slices.Equal(want, got) {
		t.Error("the second stage is not what it is with the LoRA in the transformer")
	}
}

func TestOnlyTwoStagesTakeASecondStagesLoRA(t *testing.T) {
	dir := t.TempDir()
	writeCheckpoint(t, dir, "latent_upsampler")
	ckpt, err := weights.InspectCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	r, err := Recipe(ckpt)
	if err != nil {
		t.Fatal(err)
	}
	_, err = bundle.Merge(context.Background(), r, []bundle.LoRA{{Path: wideLoRA(t, dir, 10, nil), Strength: 1, Component: graphStageTwo}})
	if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), `"stage_2"; transformer would do`) {
		t.Errorf("%v", err)
	}
}
