package magi1

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// TinyVocabulary is how many words the tokenizer of writeTokenizer has at most.
const TinyVocabulary = 128

// writeTokenizer writes a T5 tokenizer of single characters: it serves a model that has learnt nothing.
func writeTokenizer(dir string) error {
	type object = map[string]any
	vocab := [][]any{{"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}, {"▁", -1}}
	for c := '!'; c <= '~'; c++ {
		vocab = append(vocab, []any{string(c), -2})
	}
	var added []object
	for id, content := range []string{"<pad>", "</s>", "<unk>"} {
		added = append(added, object{"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
	}
	end := object{"SpecialToken": object{"id": "</s>", "type_id": 0}}
	for name, content := range map[string]object{
		"tokenizer.json": {"version": "1.0", "added_tokens": added, "normalizer": nil, "model": object{"type": "Unigram", "unk_id": 2, "vocab": vocab, "byte_fallback": false},
			"pre_tokenizer": object{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
			"post_processor": object{"type": "TemplateProcessing", "single": []object{{"Sequence": object{"id": "A", "type_id": 0}}, end},
				"special_tokens": object{"</s>": object{"id": "</s>", "ids": []int{1}, "tokens": []string{"</s>"}}}}},
		"tokenizer_config.json": {"tokenizer_class": "T5TokenizerFast", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"},
	} {
		raw, err := json.Marshal(content)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), raw, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
