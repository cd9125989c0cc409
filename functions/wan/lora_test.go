package wan

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// demoLoRA writes a LoRA of a rank for attention and feed-forward of every block of the demo, as ComfyUI lays it out; change
// may alter its tensors before.
func demoLoRA(t *testing.T, rank int64, change func([]weights.Tensor) []weights.Tensor) string {
	t.Helper()
	ckpt, err := weights.InspectCheckpoint(demoCheckpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	part, random := ckpt.Components["transformer"], rand.New(rand.NewPCG(1, 2))
	factor := func(name string, rows, columns int64) weights.Tensor {
		v := make([]float32, rows*columns)
		for i := range v {
			v[i] = float32(random.NormFloat64()) / float32(math.Sqrt(float64(columns))) / 3
		}
		return weights.Float32Tensor(name, []int64{rows, columns}, v)
	}
	var all []weights.Tensor
	for _, name := range part.Names() {
		module, ok := strings.CutSuffix(name, ".weight")
		info, err := part.Info(name)
		if err != nil {
			t.Fatal(err)
		}
		names := loraNames(module)
		if !ok || len(info.Shape) != 2 || len(names) == 0 || !strings.HasPrefix(module, "blocks.") {
			continue
		}
		key := "diffusion_model." + names[0]
		all = append(all, factor(key+".lora_down.weight", rank, info.Shape[1]), factor(key+".lora_up.weight", info.Shape[0], rank),
			weights.Float32Tensor(key+".alpha", nil, []float32{float32(rank) / 2}))
	}
	if change != nil {
		all = change(all)
	}
	path := filepath.Join(t.TempDir(), "noise.safetensors")
	if err := weights.Write(path, all, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// derive builds what the LoRAs make of the demo, beside the demo's bundle.
func derive(t *testing.T, base string, loras ...bundle.LoRA) (dir string, m weights.Manifest, err error) {
	t.Helper()
	dir = filepath.Join(filepath.Dir(base), "derived-"+t.Name())
	t.Cleanup(func() { os.RemoveAll(dir) })
	v := weights.VerifyOptions{RecordDir: t.TempDir()}
	d, err := serve.Derive(context.Background(), demoCheckpoint, base, Recipe, loras, v)
	if err != nil {
		return dir, m, err
	}
	defer d.Close()
	m, err = d.Build(context.Background(), dir, bundle.Options{}, v)
	return dir, m, err
}

func latentsOf(t *testing.T, dir string) (v []float32) {
	t.Helper()
	out := silence()
	out.Latents = func(values []float32) { v = append(v, values...) }
	if err := openPipeline(t, dir, engine.Options{}).Generate(context.Background(), small(), out); err != nil {
		t.Fatal(err)
	}
	return v
}

// A derived bundle makes, bit for bit, the clip of a bundle built from the merged checkpoint, and stores little more than the
// weights that change.
func TestADerivedBundleIsTheMergedModel(t *testing.T) {
	base := demoBundle(t)
	path := demoLoRA(t, 16, nil)
	dir, m, err := derive(t, base, bundle.LoRA{Path: path, Strength: 0.7})
	if err != nil {
		t.Fatal(err)
	}
	ckpt, err := weights.InspectCheckpoint(demoCheckpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	r, err := Recipe(ckpt)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := bundle.Merge(t.Context(), r, []bundle.LoRA{{Path: path, Strength: 0.7}})
	if err != nil {
		t.Fatal(err)
	}
	defer merged.Close()
	cpu, err := serve.CPU()
	if err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(t.TempDir(), "whole")
	if _, err := bundle.Build(context.Background(), merged.Recipe, whole, bundle.Options{Targets: []bundle.Target{cpu}}); err != nil {
		t.Fatal(err)
	}
	got, want, plain := latentsOf(t, dir), latentsOf(t, whole), latentsOf(t, base)
	if !slices.Equal(got, want) {
		t.Error("the derived bundle makes other latents than the merged checkpoint")
	}
	if slices.Equal(got, plain) {
		t.Error("the LoRA changes nothing")
	}
	changed := changedBytes(t, base, dir)
	t.Logf("%.2f MB of its own, of %.2f MB; the weights that change take %.2f MB: %.2f times", float64(m.Own())/1e6, float64(m.Bytes())/1e6, float64(changed)/1e6, float64(m.Own())/float64(changed))
	if float64(m.Own()) > 1.3*float64(changed) {
		t.Errorf("%d bytes are the bundle's own, the weights that change take %d", m.Own(), changed)
	}
}

// changedBytes is the size of DerivedData's weights without padding: those of the graph that point there.
func changedBytes(t *testing.T, base, dir string) int64 {
	t.Helper()
	st, err := os.Stat(filepath.Join(dir, bundle.DerivedData))
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

// The key of a derived bundle depends on contents and strengths, not on names or order.
func TestDerivedBundlesAreAddressedByContent(t *testing.T) {
	a, b := weights.LoRA{Name: "a", Digest: "sha256:1", Strength: 1, Component: "transformer"}, weights.LoRA{Name: "b", Digest: "sha256:2", Strength: 0.5, Component: "transformer"}
	key := func(base string, l ...weights.LoRA) string { return weights.Derived{Base: base, LoRAs: l}.Key() }
	renamed, weaker := a, a
	renamed.Name, weaker.Strength = "other", 0.9
	if key("x", a, b) != key("x", b, renamed) {
		t.Error("the order or a name counts")
	}
	for _, other := range []string{key("y", a, b), key("x", a), key("x", weaker, b)} {
		if other == key("x", a, b) {
			t.Error("two contents have one key")
		}
	}
}

func TestLoRAsThatDoNotFit(t *testing.T) {
	base := demoBundle(t)
	rename := func(from, to string) func([]weights.Tensor) []weights.Tensor {
		return func(all []weights.Tensor) []weights.Tensor {
			for i := range all {
				all[i].Name = strings.Replace(all[i].Name, from, to, 1)
			}
			return all
		}
	}
	for want, change := range map[string]func([]weights.Tensor) []weights.Tensor{
		"is for another model: none of its":           rename("diffusion_model.blocks.", "diffusion_model.double_blocks."),
		"which this model does not have":              rename("blocks.0.self_attn.q.", "blocks.77.self_attn.q."),
		"is of the kind LoHa":                         rename(".lora_down.weight", ".hada_w1_a"),
		"is of the kind LoKr":                         rename(".lora_up.weight", ".lokr_w1"),
		"and not the up (B) factor: it is incomplete": func(all []weights.Tensor) []weights.Tensor { return slices.Delete(all, 1, 2) },
		"it is for another size of the model":         func(all []weights.Tensor) []weights.Tensor { return append(all[:1:1], widened(all[1:])...) },
		"which is no part of a LoRA": func(all []weights.Tensor) []weights.Tensor {
			return append(all, weights.Float32Tensor("x.weight", []int64{1}, []float32{1}))
		},
		"has the value NaN": poisoned,
		"larger than any number is": func(all []weights.Tensor) []weights.Tensor {
			return append([]weights.Tensor{enormous(all[0]), enormous(all[1])}, all[2:]...)
		},
		"changes blocks.0.attn1.to_q twice": func(all []weights.Tensor) []weights.Tensor {
			down, up := all[0], all[1]
			down.Name, up.Name = "transformer.blocks.0.attn1.to_q.lora_A.weight", "transformer.blocks.0.attn1.to_q.lora_B.weight"
			return append(all, down, up)
		},
		"has the alpha +Inf": func(all []weights.Tensor) []weights.Tensor {
			return append(all[:2:2], append([]weights.Tensor{weights.Float32Tensor(all[2].Name, nil, []float32{float32(math.Inf(1))})}, all[3:]...)...)
		},
		"as I32: numbers of a floating-point type are needed": func(all []weights.Tensor) []weights.Tensor {
			all[0].DType = weights.I32
			return all
		},
		"is for a model of two experts, and this one has one": rename("diffusion_model.blocks.0.", "transformer_2.blocks.0."),
	} {
		_, _, err := derive(t, base, bundle.LoRA{Path: demoLoRA(t, 4, change), Strength: 1})
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
		if err != nil {
			t.Log(err)
		}
	}
	if _, _, err := derive(t, base, bundle.LoRA{Path: demoLoRA(t, 4, nil)}); !errdefs.IsInvalidArgument(err) {
		t.Errorf("strength 0: %v", err)
	}
	empty := filepath.Join(t.TempDir(), "vae.safetensors")
	if err := weights.Write(empty, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := derive(t, base, bundle.LoRA{Path: empty, Strength: 1}); err == nil || !strings.Contains(err.Error(), "holds no LoRA") {
		t.Errorf("no tensors: %v", err)
	}
}

// widened makes the up factor of the first module one row longer.
func widened(rest []weights.Tensor) []weights.Tensor {
	up := rest[0]
	v := make([]float32, (up.Shape[0]+1)*up.Shape[1])
	rest[0] = weights.Float32Tensor(up.Name, []int64{up.Shape[0] + 1, up.Shape[1]}, v)
	return rest
}

// enormous makes every value of a factor so large that no product of two is a number.
func enormous(t weights.Tensor) weights.Tensor {
	v := weights.Decode(weights.F32, t.Data)
	for i := range v {
		v[i] = 1e30
	}
	return weights.Float32Tensor(t.Name, t.Shape, v)
}

func poisoned(all []weights.Tensor) []weights.Tensor {
	v := weights.Decode(weights.F32, all[0].Data)
	v[0] = float32(math.NaN())
	all[0] = weights.Float32Tensor(all[0].Name, all[0].Shape, v)
	return all
}

// A bundle of another checkpoint is no base, and neither is one that has LoRAs already.
func TestBasesThatDoNotFit(t *testing.T) {
	kernelstest.Library(t)
	base, path := demoBundle(t), demoLoRA(t, 4, nil)
	dir, _, err := derive(t, base, bundle.LoRA{Path: path, Strength: 1})
	if err != nil {
		t.Fatal(err)
	}
	v := weights.VerifyOptions{RecordDir: t.TempDir()}
	d, err := serve.Derive(context.Background(), demoCheckpoint, dir, Recipe, []bundle.LoRA{{Path: path, Strength: 1}}, v)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Build(context.Background(), filepath.Join(filepath.Dir(base), "again"), bundle.Options{}, v); err == nil || !strings.Contains(err.Error(), "has LoRAs merged in already") {
		t.Errorf("a derived base: %v", err)
	}
	other := copyCheckpoint(t, "transformer/config.json", func(raw []byte) []byte { return []byte(strings.Replace(string(raw), "1e-06", "2e-06", 1)) })
	e, err := serve.Derive(context.Background(), other, base, Recipe, []bundle.LoRA{{Path: path, Strength: 1}}, v)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Build(context.Background(), filepath.Join(filepath.Dir(base), "again"), bundle.Options{}, v); err == nil || !strings.Contains(err.Error(), "was built from another checkpoint") {
		t.Errorf("another checkpoint: %v", err)
	}
}
