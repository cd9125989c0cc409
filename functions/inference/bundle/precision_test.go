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

// Auto is the family's precision, and on GPUs that multiply another the other one; what is asked for stays.
func TestThePrecisionIsTheGPUs(t *testing.T) {
	two, one := Recipe{Precision: "nf4", Blackwell: "nvfp4"}, Recipe{Precision: "fp8"}
	for _, c := range []struct {
		r                           Recipe
		asked, gpu, precision, says string
	}{
		{two, "", "", "nf4", "auto: no GPU is known"}, {two, Auto, "9.0", "nf4", "auto: the GPU has compute capability 9.0; nvfp4 is for 10.0 and later"},
		{two, Auto, "8.9", "nf4", "8.9"}, {two, "", "12.1", "nvfp4", "auto: the GPU has compute capability 12.1"}, {two, "", "10.0", "nvfp4", "10.0"},
		{two, "nf4", "12.1", "nf4", ""}, {two, "none", "", "none", ""}, {one, Auto, "12.1", "fp8", ""},
	} {
		o := Options{Precision: c.asked, Capability: c.gpu}
		why, err := o.choose(c.r)
		if err != nil || o.Precision != c.precision || !strings.Contains(why, c.says) || (c.says == "") != (why == "") {
			t.Errorf("%q on %q is %s, %q, %v", c.asked, c.gpu, o.Precision, why, err)
		}
	}
	for _, bad := range []string{"Blackwell", "12", "sm_121", "-1.0", "0.0", "12.x"} {
		o := Options{Capability: bad}
		if _, err := o.choose(two); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	r, _, ctx := resumable(t, "")
	r.Precision, r.Blackwell = "nf4", "nvfp4"
	m, err := Build(ctx, r, t.TempDir()+"/bundle", Options{Targets: target(), Capability: "12.1"})
	if err != nil || m.Precision != "nvfp4" || m.Chosen != "auto: the GPU has compute capability 12.1" {
		t.Errorf("%+v, %v", m, err)
	}
}
