package text

import (
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"
)

// templatePart is the text's own tokens (nil) or the ids of a special token.
type templatePart []int64

func parseTemplate(raw json.RawMessage) ([]templatePart, error) {
	kind, err := kindOf(raw)
	if err != nil || kind == "" || kind == "ByteLevel" { // that one moves offsets alone
		return []templatePart{nil}, err
	}
	if kind != "TemplateProcessing" {
		return nil, unsupported("post-processor", kind)
	}
	var d struct {
		Single []struct {
			Sequence     *struct{ ID string }
			SpecialToken *struct{ ID string }
		} `json:"single"`
		Special map[string]struct{ IDs []int64 } `json:"special_tokens"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("post-processor: %w: %w", err, errdefs.ErrDataLoss)
	}
	var parts []templatePart
	for _, p := range d.Single {
		if p.SpecialToken == nil {
			parts = append(parts, nil)
			continue
		}
		token, ok := d.Special[p.SpecialToken.ID]
		if !ok || token.IDs == nil {
			return nil, fmt.Errorf("post-processor: special token %q is not defined: %w", p.SpecialToken.ID, errdefs.ErrDataLoss)
		}
		parts = append(parts, token.IDs)
	}
	return parts, nil
}

func (t *Tokenizer) apply(ids []int64) []int64 {
	out := make([]int64, 0, len(ids)+2)
	for _, p := range t.template {
		if p == nil {
			out = append(out, ids...)
		} else {
			out = append(out, p...)
		}
	}
	return out
}
