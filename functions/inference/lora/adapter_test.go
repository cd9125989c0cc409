package lora

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// readFlat reads what a header says under lora_adapter_metadata.
func readFlat(t *testing.T, text string) (adapters, error) {
	t.Helper()
	var flat map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &flat); err != nil {
		t.Fatal(err)
	}
	all := adapters{}
	return all, all.read("x.safetensors", flat)
}

// Alphas are those that PEFT takes: of each component its own, and of patterns the first that matches, each time.
func TestAlphasAreThoseOfPEFT(t *testing.T) {
	const both = `{"transformer.lora_alpha": 8, "transformer_2.lora_alpha": 2, "transformer_2.use_rslora": true, "text_encoder.lora_alpha": 64,
		"transformer.alpha_pattern": {"blocks.0.attn1.to_q": 2, "to_q": 16, "blocks\\.[12]\\.attn[12]\\.to_v": 4, "^proj_out": 0}}`
	for range 20 { // whatever the order of Go's maps
		all, err := readFlat(t, both)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			component, module string
			want              float64
		}{
			{"transformer", "blocks.0.attn1.to_q", 0.5}, {"transformer", "blocks.1.attn1.to_q", 4}, {"transformer", "blocks.0.attn1.to_v", 2},
			{"transformer", "blocks.1.attn2.to_v", 1}, {"transformer", "blocks.1.attn2.add_to_q", 2}, {"transformer", "proj_out", 0},
			{"transformer", "norm.proj_out", 2}, {"transformer_2", "blocks.0.attn1.to_q", 1}, {"vae", "blocks.0.attn1.to_q", 1},
		} {
			if got := all.of(c.component).scale(c.module, 4); math.Abs(got-c.want) > 1e-12 {
				t.Fatalf("%s of %s: scale %g, want %g", c.module, c.component, got, c.want)
			}
		}
	}
	for _, text := range []string{`{"lora_alpha": 6}`, `{"unet.lora_alpha": 6}`, `{"unet.lora_alpha": 6, "unet.alpha_pattern": null}`} {
		if all, err := readFlat(t, text); err != nil || all.of("transformer").scale("x", 3) != 2 {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{`{"lora_alpha": "6"}`, `{"alpha_pattern": {"to_(q": 1}}`, `{"alpha_pattern": [1]}`, `{"alpha_pattern": {"to_q": "1"}}`} {
		var bad *weights.FormatError
		if _, err := readFlat(t, text); !errors.As(err, &bad) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
