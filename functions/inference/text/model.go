package text

import (
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"
)

// model turns one piece of text into ids.
type model interface {
	encode(s string) ([]int64, error)
	// find is the id of a piece of the vocabulary.
	find(piece string) (int32, bool)
	// size is the number of pieces.
	size() int
}

var (
	_ model = (*unigram)(nil)
	_ model = (*bpe)(nil)
)

// parseModel reads the model of a tokenizer.json: Unigram, which older files do not name, or BPE.
func parseModel(raw json.RawMessage) (model, error) {
	parts, err := members(raw)
	if err != nil {
		return nil, fmt.Errorf("tokenizer model: %w", err)
	}
	kind := ""
	if parts["type"] != nil {
		if err := json.Unmarshal(parts["type"], &kind); err != nil {
			return nil, fmt.Errorf("tokenizer model: type: %w: %w", err, errdefs.ErrDataLoss)
		}
	}
	switch kind {
	case "", "Unigram":
		return parseUnigram(parts)
	case "BPE":
		return parseBPE(parts)
	}
	return nil, fmt.Errorf("tokenizer model %q is not supported, Unigram and BPE are: %w", kind, errdefs.ErrNotImplemented)
}

// fields reads some of a model's small members.
func fields(parts map[string]json.RawMessage, into map[string]any) error {
	for name, to := range into {
		if parts[name] == nil {
			continue
		}
		if err := json.Unmarshal(parts[name], to); err != nil {
			return fmt.Errorf("tokenizer model: %s: %w: %w", name, err, errdefs.ErrDataLoss)
		}
	}
	return nil
}

// byteToken is how vocabularies write a byte.
func byteToken(b byte) string { return fmt.Sprintf("<0x%02X>", b) }
