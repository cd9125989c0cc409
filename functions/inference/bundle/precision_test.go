package bundle

import (
	"fmt"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// tower is a transformer of some blocks with a layer before them.
func tower(component string, blocks int) Graph {
	return Graph{Name: component, Component: component, Build: func(o nn.Options) (*nn.Net, error) {
		n := nn.New("g", component, o)
		x := n.Input("x", onnx.Float32, "rows", 16)
		x = n.Dense(x, "condition_embedder.linear", 16, 16, true)
		for i := range blocks {
			x = n.Dense(x, fmt.Sprintf("blocks.%d.attn1.to_q", i), 16, 16, true)
			x = n.Dense(x, fmt.Sprintf("blocks.%d.gate", i), 16, 16, true)
		}
		n.Output("y", x, onnx.Float32, "rows", 16)
		return n, nil
	}}
}

// forms are the formats of a component's layers by name.
func forms(t *testing.T, precision string, g Graph) map[string]string {
	t.Helper()
	policy, err := Quantize(Recipe{Graphs: []Graph{g}}, precision)
	if err != nil {
		t.Fatal(err)
	}
	p, got := policy(g.Component), map[string]string{}
	choose := p.Linear
	p.Linear = func(l nn.Linear) nn.Format {
		f := choose(l)
		got[l.Name] = f.String()
		return f
	}
	if _, err := g.Build(nn.Options{Policy: p}); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWhatStaysHighStaysHigh(t *testing.T) {
	deep := forms(t, "nf4", tower("transformer", 40))
	for name, want := range map[string]string{"blocks.2.attn1.to_q": "bf16", "blocks.3.attn1.to_q": "nf4", "blocks.36.attn1.to_q": "nf4",
		"blocks.37.attn1.to_q": "bf16", "blocks.20.gate": "bf16", "condition_embedder.linear": "bf16"} {
		if deep[name] != want {
			t.Errorf("%s of 40 blocks is %s, want %s", name, deep[name], want)
		}
	}
	if f := forms(t, "fp8", tower("transformer", 4))["blocks.0.attn1.to_q"]; f != "fp8" {
		t.Errorf("the first of four blocks is %s", f)
	}
	text := forms(t, "fp8", tower("text_encoder", 24))
	if text["blocks.0.gate"] != "fp8" || text["condition_embedder.linear"] != "bf16" {
		t.Errorf("a text encoder is %v", text)
	}
	if f := forms(t, "bf16", tower("transformer", 40))["blocks.20.attn1.to_q"]; f != "bf16" {
		t.Errorf("bf16 is %s", f)
	}
}

func TestUnknownPrecisionsAreNamed(t *testing.T) {
	_, err := Quantize(Recipe{}, "fp5")
	if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), `"fp5"`) || !strings.Contains(err.Error(), "none, bf16, fp8, nf4, nvfp4, int8, int4 would do") {
		t.Error(err)
	}
	if p, err := Quantize(Recipe{}, None); p != nil || err != nil {
		t.Errorf("none: %v", err)
	}
}
