package wan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// What a configuration leaves out, or has as null, is what diffusers takes for it.
func TestTransformerDefaults(t *testing.T) {
	var c TransformerConfig
	raw := `{"num_attention_heads":2,"attention_head_dim":12,"in_channels":16,"out_channels":null,"text_dim":8,"ffn_dim":16,"num_layers":1}`
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		t.Fatal(err)
	}
	if c = c.WithDefaults(); c.OutChannels != 16 || c.FreqDim != 256 || c.Eps != 1e-6 || c.patchVolume() != 4 {
		t.Errorf("got %+v", c)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// A VAE of another latent width has graphs, but makes clips only with statistics of its own.
func TestLatentStatistics(t *testing.T) {
	c := vae.Config{ZDim: 8}.WithDefaults()
	if err := c.Validate(); err != nil {
		t.Errorf("the graphs: %v", err)
	}
	if err := c.ValidateStatistics(); err == nil || !strings.Contains(err.Error(), "latents_mean") {
		t.Errorf("the pipeline: %v", err)
	}
}
