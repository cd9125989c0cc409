package magi1

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

func shape45B() ModelConfig {
	return ModelConfig{NumLayers: 34, HiddenSize: 3072, FFNSize: 12288, NumHeads: 24, NumGroups: 8, InChannels: 16, OutChannels: 16}.WithDefaults()
}

func shape24B() ModelConfig {
	return ModelConfig{NumLayers: 48, HiddenSize: 6144, FFNSize: 16384, NumHeads: 48, NumGroups: 8, InChannels: 32, OutChannels: 32, Gated: true, HalfChannel: true, Rescale: 0.1}.WithDefaults()
}

// The published checkpoints' tensors and values, counted from their names and shapes.
func TestTheGraphsUseWhatIsPublished(t *testing.T) {
	for _, want := range []struct {
		name            string
		build           []func(nn.Options) (*nn.Net, error)
		tensors, values int64
	}{
		{"4.5B", transformerGraphs(shape45B()), 898, 4459898128},
		{"24B", transformerGraphs(shape24B()), 1262, 23899281936},
		{"VAE", []func(nn.Options) (*nn.Net, error){func(o nn.Options) (*nn.Net, error) { return Encoder(VAEConfig{}, o) }, func(o nn.Options) (*nn.Net, error) { return Decoder(VAEConfig{}, o) }}, 496, 613755239},
	} {
		seen, values := map[string]bool{}, int64(0)
		for _, build := range want.build {
			net, err := build(nn.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range net.Params() {
				if !seen[p.Name] {
					seen[p.Name] = true
					values += p.Elements()
				}
			}
		}
		if int64(len(seen)) != want.tensors || values != want.values {
			t.Errorf("%s: %d tensors of %d values, published are %d of %d", want.name, len(seen), values, want.tensors, want.values)
		}
	}
}

func transformerGraphs(c ModelConfig) []func(nn.Options) (*nn.Net, error) {
	return []func(nn.Options) (*nn.Net, error){
		func(o nn.Options) (*nn.Net, error) { return Transformer(c, false, 4, o) },
		func(o nn.Options) (*nn.Net, error) { return Tables(c, o) },
	}
}
