package ltx2

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// A configuration that counts fewer blocks than the weights have would be built into another model without a word.
func TestCheckpointsOfNoUse(t *testing.T) {
	source := filepath.Join("..", "..", "images", "demo", "ltx2-tiny")
	for want, change := range map[string]func(*weights.Checkpoint){
		"transformer has 5 blocks by its configuration and 6":          configured("transformer", `"num_layers": 6`, `"num_layers": 5`),
		"connectors has 0 blocks by its configuration and 1":           configured("connectors", `"audio_connector_num_layers": 1`, `"audio_connector_num_layers": 0`),
		`scheduler "DDIMScheduler" is not known`:                       configured("scheduler", "FlowMatchEulerDiscreteScheduler", "DDIMScheduler"),
		"max_image_seq_len is 1024":                                    configured("scheduler", `"max_image_seq_len": 4096`, `"max_image_seq_len": 1024`),
		"the tokenizer knows":                                          configured("text_encoder", `"vocab_size": 512`, `"vocab_size": 500`),
		"height is 100":                                                defaulted(`{"height": 100, "width": 96, "num_frames": 33}`),
		"num_frames is 32":                                             defaulted(`{"height": 96, "width": 96, "num_frames": 32}`),
		"guidance_scale is -5":                                         defaulted(`{"height": 96, "width": 96, "num_frames": 33, "guidance_scale": -5}`),
		"audio_guidance_scale is 31":                                   defaulted(`{"height": 96, "width": 96, "num_frames": 33, "audio_guidance_scale": 31}`),
		"names block 6, the transformer has 0 to 5":                    defaulted(`{"height": 96, "width": 96, "num_frames": 33, "spatio_temporal_guidance_blocks": [6]}`),
		"tone_map_compression_ratio 7":                                 defaulted(`{"height": 96, "width": 96, "num_frames": 33, "tone_map_compression_ratio": 7}`),
		"height is of the JSON type string: it must be a whole number": defaulted(`{"height": "96"}`),
	} {
		ckpt, err := weights.InspectCheckpoint(source)
		if err != nil {
			t.Fatal(err)
		}
		defer ckpt.Close()
		if _, err := Recipe(ckpt); err != nil {
			t.Fatal(err)
		}
		change(ckpt)
		if _, err := Recipe(ckpt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func configured(component, old, now string) func(*weights.Checkpoint) {
	return func(c *weights.Checkpoint) {
		part := c.Components[component]
		part.Config = bytes.Replace(part.Config, []byte(old), []byte(now), 1)
	}
}

func defaulted(raw string) func(*weights.Checkpoint) {
	return func(c *weights.Checkpoint) { c.Index["defaults"] = json.RawMessage(raw) }
}
