package wan

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/lora"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// goldenBase is the base transformer of the LoRA goldens.
type goldenBase struct {
	golden.Weights
	names []string
}

func (b goldenBase) Names() []string { return b.names }

// Every layout merges into what the reference merges, tensor by tensor, and the merged transformer answers as the reference's.
func TestGoldenLoRA(t *testing.T) {
	g := golden.Open(t, "lora")
	var c struct {
		TransformerConfig
		Strength float64 `json:"strength"`
		Layouts  map[string]struct {
			File string `json:"file"`
		} `json:"layouts"`
	}
	g.Config(&c)
	if len(c.Layouts) == 0 {
		t.Fatal("no layout in the file")
	}
	base := goldenBase{g.Weights("w."), g.List("w.")}
	for layout, l := range c.Layouts {
		t.Run(layout, func(t *testing.T) {
			f, err := lora.Open(filepath.Join(filepath.Dir(g.Path()), l.File))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			bound, err := f.Bind(base, loraNames, false)
			if err != nil {
				t.Fatal(err)
			}
			merged, err := lora.Merge(base, lora.Applied{Bound: bound, Strength: c.Strength})
			if err != nil {
				t.Fatal(err)
			}
			changed := g.List("out." + layout + ".merged.")
			if len(changed) != len(bound.Tensors()) {
				t.Errorf("%d tensors change, the reference changes %d", len(bound.Tensors()), len(changed))
			}
			for _, name := range changed {
				want, _ := g.Tensor("out." + layout + ".merged." + name)
				got := make([]float32, len(want))
				if err := merged.ReadFloat32(name, 0, got); err != nil {
					t.Fatal(err)
				}
				golden.Near(t, name, got, want, 2e-6)
			}
			sampleGolden(t, g, c.TransformerConfig, merged, "in.timestep", "out."+layout+".sample", 5e-5)
		})
	}
	sampleGolden(t, g, c.TransformerConfig, base, "in.timestep", "out.base.sample", 5e-5)
}

// A piece of a weight is merged as the whole is, wherever it begins.
func TestAPieceOfAMergedWeight(t *testing.T) {
	g := golden.Open(t, "lora")
	base := goldenBase{g.Weights("w."), g.List("w.")}
	f, err := lora.Open(filepath.Join(filepath.Dir(g.Path()), "lora_kohya.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	bound, err := f.Bind(base, loraNames, false)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := lora.Merge(base, lora.Applied{Bound: bound, Strength: -1.5})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range bound.Tensors() {
		info, err := base.Info(name)
		if err != nil {
			t.Fatal(err)
		}
		whole, piece := make([]float32, info.Elements()), make([]float32, info.Elements()-info.Elements()/3)
		for at, dst := range map[int64][]float32{0: whole, info.Elements() / 3: piece} {
			if err := merged.ReadFloat32(name, at, dst); err != nil {
				t.Fatal(err)
			}
		}
		golden.Near(t, name, piece, whole[info.Elements()/3:], 0)
		if strings.HasSuffix(name, ".bias") {
			t.Errorf("%s changes", name)
		}
	}
}

func sampleGolden(t *testing.T, g *golden.Case, c TransformerConfig, src nn.Source, timestep, want string, tolerance float64) {
	t.Helper()
	net, err := Transformer(c, nn.Options{Weights: src})
	got := runTransformer(t, g, c.WithDefaults(), compiletest.Open(t, net, err), timestep)
	sample, _ := g.Tensor(want)
	golden.Near(t, want, got, sample, tolerance)
}
