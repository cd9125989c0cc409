package lora

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// adapter is what PEFT says beside the factors, all of it optional: alpha for every module, or for those whose names end so.
type adapter struct {
	Alpha    float64            `json:"lora_alpha"`
	Patterns map[string]float64 `json:"alpha_pattern"`
	Rooted   bool               `json:"use_rslora"` // alpha/√rank in place of alpha/rank
}

// readAdapter looks into the header, where diffusers writes it, and for the adapter_config.json that PEFT lays beside.
func readAdapter(f *weights.File) (a adapter, err error) {
	if raw := f.Metadata()["lora_adapter_metadata"]; raw != "" {
		var flat map[string]json.RawMessage
		if err := json.Unmarshal([]byte(raw), &flat); err != nil {
			return a, &weights.FormatError{File: f.Path(), Reason: "lora_adapter_metadata in its header is not valid JSON"}
		}
		return a, a.read(f.Path(), flat)
	}
	raw, err := weights.ReadBeside(weights.Adapter(f.Path()))
	if raw == nil && err == nil {
		return a, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &a)
	}
	if err != nil {
		return a, &weights.FormatError{File: f.Path(), Reason: "the adapter_config.json beside it cannot be read: " + err.Error()}
	}
	return a, nil
}

// read takes "transformer.lora_alpha" and so on; a component's name may stand before each.
func (a *adapter) read(path string, flat map[string]json.RawMessage) error {
	for key, raw := range flat {
		var to any
		switch key[strings.LastIndexByte(key, '.')+1:] {
		case "lora_alpha":
			to = &a.Alpha
		case "alpha_pattern":
			to = &a.Patterns
		case "use_rslora":
			to = &a.Rooted
		default:
			continue
		}
		if err := json.Unmarshal(raw, to); err != nil {
			return &weights.FormatError{File: path, Reason: key + " in its header is not what PEFT writes"}
		}
	}
	return nil
}

// scale is that of a module of a rank, 1 where nothing is said.
func (a adapter) scale(module string, rank int64) float64 {
	alpha := a.Alpha
	for pattern, v := range a.Patterns {
		pattern = strings.TrimPrefix(pattern, "^")
		if module == pattern || strings.HasSuffix(module, "."+pattern) {
			alpha = v
		}
	}
	switch {
	case alpha == 0:
		return 1
	case a.Rooted:
		return alpha / math.Sqrt(float64(rank))
	}
	return alpha / float64(rank)
}
