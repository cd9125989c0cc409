package t5

import (
	"context"
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/text"
)

// Runner runs a graph by its name.
type Runner interface {
	Run(ctx context.Context, graph string, in engine.Values, resident ...string) (engine.Values, error)
}

// Prompt turns text into what a transformer is conditioned on.
type Prompt struct {
	Config    Config
	Tokenizer *text.Tokenizer
	Graphs    Runner
	Graph     string // of the encoder
}

// Encode is the encoder's output for a prompt, which is cleaned, [1, length, d_model], padded with zeros to the length that the
// transformer was trained with. Only the tokens that are there are encoded: the mask keeps the others out of them anyway.
func (p Prompt) Encode(ctx context.Context, prompt string, length int) (engine.Tensor, error) {
	t, _, err := p.EncodeCleaned(ctx, text.Clean(prompt), length)
	return t, err
}

// EncodeCleaned is Encode for a prompt that has been cleaned, with the mask of the tokens that are there.
func (p Prompt) EncodeCleaned(ctx context.Context, prompt string, length int) (engine.Tensor, []int64, error) {
	states, mask, err := p.states(ctx, prompt, length)
	if err != nil {
		return engine.Tensor{}, nil, err
	}
	padded := make([]float32, int64(length)*p.Config.DModel)
	copy(padded, states)
	return engine.Floats(padded, 1, int64(length), p.Config.DModel), mask, nil
}

// Embed is a cleaned prompt as one vector of length 1 and d_model values, the mean of its tokens' hidden states.
func (p Prompt) Embed(ctx context.Context, prompt string, length int) ([]float32, error) {
	states, _, err := p.states(ctx, prompt, length)
	if err != nil {
		return nil, err
	}
	return text.Pool(states, int(p.Config.DModel)), nil
}

// states are the hidden states of a cleaned prompt's tokens, [tokens, d_model], and the mask of the length.
func (p Prompt) states(ctx context.Context, prompt string, length int) ([]float32, []int64, error) {
	ids, mask, err := p.Tokenizer.EncodeTo(prompt, length)
	if err != nil {
		return nil, nil, fmt.Errorf("prompt: %w", err)
	}
	n := int64(0)
	for _, m := range mask {
		n += m
	}
	out, err := p.Graphs.Run(ctx, p.Graph, p.Config.Inputs(ids[:n], mask[:n], 1))
	if err != nil {
		return nil, nil, fmt.Errorf("encode prompt: %w", err)
	}
	return out.Float32(Hidden), mask, nil
}

// Inputs are the graph's inputs for a batch of rows of tokens and their masks.
func (c Config) Inputs(ids, mask []int64, batch int64) engine.Values {
	n := int64(len(ids)) / batch
	return engine.Values{
		tokensInput:  engine.Ints(ids, batch, n),
		maskInput:    engine.Floats(maskAdded(mask), batch, 1, 1, n),
		bucketsInput: engine.Ints(c.Buckets(n), n, n),
	}
}
