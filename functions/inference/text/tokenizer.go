package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
)

// Tokenizer is one tokenizer.json or tokenizer.model. It may be used from several goroutines.
type Tokenizer struct {
	normalizer normalizer
	pre        preTokenizer
	model      model
	raw        *added // tokens looked for in the text as it is
	normal     *added // tokens looked for in the normalized text
	template   []templatePart
	pad        int64
}

// Load reads the tokenizer.json of dir, or where there is none its tokenizer.model, and from tokenizer_config.json, where there
// is one, the padding token.
func Load(dir string) (*Tokenizer, error) {
	t, err := loadFile(filepath.Join(dir, "tokenizer.json"), Parse)
	if errors.Is(err, fs.ErrNotExist) {
		if other, e := loadFile(filepath.Join(dir, "tokenizer.model"), parseSentencePiece); !errors.Is(e, fs.ErrNotExist) {
			t, err = other, e
		}
	}
	if err != nil {
		return nil, err
	}
	config, err := os.ReadFile(filepath.Join(dir, "tokenizer_config.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read tokenizer: %w", err)
	}
	return t, t.padFrom(config)
}

func loadFile(path string, parse func(raw []byte) (*Tokenizer, error)) (*Tokenizer, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read tokenizer: %w", err)
	}
	t, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// padFrom sets the padding id from a tokenizer_config.json; its pad_token is a string or an object with content.
func (t *Tokenizer) padFrom(raw []byte) error {
	var c struct {
		Pad json.RawMessage `json:"pad_token"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return fmt.Errorf("tokenizer_config.json: %w: %w", err, errdefs.ErrDataLoss)
	}
	var token struct{ Content string }
	if json.Unmarshal(c.Pad, &token.Content) != nil && json.Unmarshal(c.Pad, &token) != nil || token.Content == "" {
		return nil //nolint:nilerr // a pad_token of another form, null for one, names none
	}
	id, ok := t.ID(token.Content)
	if !ok {
		return fmt.Errorf("tokenizer_config.json: pad_token %q is not in the vocabulary: %w", token.Content, errdefs.ErrDataLoss)
	}
	t.pad = id
	return nil
}

// Parse reads a tokenizer.json.
func Parse(raw []byte) (*Tokenizer, error) {
	d, err := members(raw)
	if err != nil {
		return nil, fmt.Errorf("not a tokenizer.json: %w", err)
	}
	t := &Tokenizer{}
	if t.model, err = parseModel(d["model"]); err != nil {
		return nil, err
	}
	if t.normalizer, err = parseNormalizer(d["normalizer"]); err != nil {
		return nil, err
	}
	if t.pre, err = parsePre(d["pre_tokenizer"]); err != nil {
		return nil, err
	}
	if t.template, err = parseTemplate(d["post_processor"]); err != nil {
		return nil, err
	}
	var tokens []addedToken
	if d["added_tokens"] != nil {
		if err := json.Unmarshal(d["added_tokens"], &tokens); err != nil {
			return nil, fmt.Errorf("added_tokens: %w: %w", err, errdefs.ErrDataLoss)
		}
	}
	t.raw, t.normal = splitAdded(tokens, t.normalizer)
	return t, nil
}

// Vocab is the number of ids of the model, added tokens aside.
func (t *Tokenizer) Vocab() int { return t.model.size() }

// Within refuses a tokenizer that has words which an encoder of so many does not: it is another model's.
func (t *Tokenizer) Within(words int64) error {
	last := int64(t.model.size()) - 1
	for _, a := range [...]*added{t.raw, t.normal} {
		for _, id := range a.ids {
			last = max(last, id)
		}
	}
	if last < words {
		return nil
	}
	return fmt.Errorf("the tokenizer knows %d words, its encoder %d: they are of two models, fetch both again: %w", last+1, words, errdefs.ErrInvalidArgument)
}

// ID is the id of a token by its exact content.
func (t *Tokenizer) ID(token string) (int64, bool) {
	for _, a := range [...]*added{t.raw, t.normal} {
		if id, ok := a.ids[token]; ok {
			return id, true
		}
	}
	id, ok := t.model.find(token)
	return int64(id), ok
}

// Encode gives the ids of a text with the special tokens that the template adds. Invalid UTF-8 is an error.
func (t *Tokenizer) Encode(s string) ([]int64, error) {
	ids, err := t.encode(s)
	if err != nil {
		return nil, err
	}
	return t.apply(ids), nil
}

// EncodeTo gives exactly n ids and their mask: what is too long is cut before the special tokens are added, what is too
// short is padded on the right (truncation=True, padding="max_length").
func (t *Tokenizer) EncodeTo(s string, n int) (ids, mask []int64, err error) {
	ids, err = t.encode(s)
	if err != nil {
		return nil, nil, err
	}
	room := n - len(t.apply(nil))
	if room < 0 {
		return nil, nil, fmt.Errorf("%d tokens have no room for the special ones: %w", n, errdefs.ErrInvalidArgument)
	}
	ids = t.apply(ids[:min(len(ids), room)])
	mask = make([]int64, n)
	for i := range ids {
		mask[i] = 1
	}
	for len(ids) < n {
		ids = append(ids, t.pad)
	}
	return ids, mask, nil
}

// Tokens says how many tokens a text has, special ones included.
func (t *Tokenizer) Tokens(s string) (int, error) {
	ids, err := t.Encode(s)
	return len(ids), err
}
