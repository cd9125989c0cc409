package wan21

import (
	"context"
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/text"
)

// encodePrompt is the text encoder's output for a prompt, padded with zeros to the length that the transformer was
// trained with. Only the tokens that are there are encoded: the mask keeps the others out of them anyway.
func (p *Pipeline) encodePrompt(ctx context.Context, prompt string) (engine.Tensor, error) {
	length := p.promptTokens()
	ids, mask, err := p.tokenizer.EncodeTo(text.Clean(prompt), length)
	if err != nil {
		return engine.Tensor{}, fmt.Errorf("prompt: %w", err)
	}
	n := int64(0)
	for _, m := range mask {
		n += m
	}
	out, err := p.sessions.run(ctx, graphText, engine.Values{
		text.T5Tokens:  engine.Ints(ids[:n], 1, n),
		text.T5Mask:    engine.Floats(text.Mask(mask[:n]), 1, 1, 1, n),
		text.T5Buckets: engine.Ints(p.c.Text.Buckets(n), n, n),
	})
	if err != nil {
		return engine.Tensor{}, fmt.Errorf("encode prompt: %w", err)
	}
	padded := make([]float32, int64(length)*p.c.Text.DModel)
	copy(padded, out.Float32(text.T5Hidden))
	return engine.Floats(padded, 1, int64(length), p.c.Text.DModel), nil
}

// promptTokens is the length of the text that the transformer sees.
func (p *Pipeline) promptTokens() int {
	if p.c.Transformer.AddedKVProjDim > 0 {
		return imageTextTokens
	}
	return p.defaults.MaxSequence
}
