package ltx2

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/text"
	"github.com/videosdgx/videosdgx/functions/inference/text/gemma"
)

// prompts turns text into what the streams read.
type prompts struct {
	c         configs
	graphs    graphs
	tokenizer *text.Tokenizer
	length    int // of the text that the transformer sees
}

// encode is a prompt's texts. Only the tokens that are there go through the text encoder: what stands before them in the
// reference's rows is hidden from them, and its rotary embedding sees distances alone.
func (p prompts) encode(ctx context.Context, prompt string) (t texts, err error) {
	states, n, err := p.read(ctx, prompt)
	if err != nil {
		return t, err
	}
	defer states.Close()
	return p.meant(ctx, states, n)
}

// meant is what the streams read of the hidden states of n tokens, wherever those lie.
func (p prompts) meant(ctx context.Context, states engine.Value, n int) (t texts, err error) {
	counts := make([]float32, n, p.length)
	for i := range counts {
		counts[i] = 1
	}
	if p.c.Connectors.Registers() == 0 {
		if states, counts, err = paddedBefore(states, counts, int64(p.length)); err != nil {
			return t, fmt.Errorf("encode prompt: %w", err)
		}
	}
	if t, err = p.connect(ctx, states, counts); err != nil {
		return t, fmt.Errorf("encode prompt: %w", err)
	}
	return t, nil
}

// read gives all hidden states of a prompt's tokens, which the caller closes, and how many tokens there are.
func (p prompts) read(ctx context.Context, prompt string) (states engine.Value, n int, err error) {
	ids, mask, err := p.tokenizer.EncodeTo(strings.TrimSpace(prompt), p.length)
	if err != nil {
		return states, 0, fmt.Errorf("prompt: %w", err)
	}
	for _, m := range mask {
		n += int(m)
	}
	if states, err = p.states(ctx, ids[:n]); err != nil {
		return states, 0, fmt.Errorf("encode prompt: %w", err)
	}
	return states, n, nil
}

// embed is a prompt as one vector: the mean of its tokens' last hidden states.
func (p prompts) embed(ctx context.Context, prompt string) ([]float32, error) {
	states, n, err := p.read(ctx, prompt)
	if err != nil {
		return nil, err
	}
	defer states.Close()
	host, err := states.Host()
	if err != nil {
		return nil, err
	}
	all, layers := host.Float32(), int(host.Shape[3])
	last := make([]float32, 0, len(all)/layers)
	for i := layers - 1; i < len(all); i += layers {
		last = append(last, all[i])
	}
	return text.Pool(last, len(last)/n), nil
}

// states are all hidden states of the text encoder, [1, tokens, hidden, layers+1]. They stay on the device that made them: of 1024 tokens
// they are 770 MB, which the connectors make 30 of.
func (p prompts) states(ctx context.Context, ids []int64) (engine.Value, error) {
	counts := make([]int64, len(ids))
	for i := range counts {
		counts[i] = 1
	}
	out, err := p.graphs.Run(ctx, graphText, p.c.Text.Inputs(ids, counts, 1), gemma.Hidden)
	if err != nil {
		return nil, err
	}
	return out[gemma.Hidden], nil
}

// connect turns states into what the streams read, which stays on the device too: every step of the transformer reads it. Where the connectors have registers, these fill the text up and all of it
// counts.
func (p prompts) connect(ctx context.Context, states engine.Value, counts []float32) (t texts, err error) {
	in := p.c.Connectors.connectorInputs(counts, 1, int64(p.length))
	in[conStates] = states
	out, err := p.graphs.Run(ctx, graphConnectors, in, conVideo, conAudio)
	if err != nil {
		return t, err
	}
	mask := make([]float32, p.length)
	if p.c.Connectors.Registers() == 0 {
		mask = textMask(counts)
	}
	return texts{out[conVideo], out[conAudio], engine.Floats(mask, 1, 1, 1, int64(p.length))}, nil
}

// paddedBefore puts zeros in front of states.
func paddedBefore(states engine.Value, counts []float32, length int64) (engine.Value, []float32, error) {
	host, err := states.Host()
	if err != nil {
		return nil, nil, err
	}
	s := host.Shape
	missing := length - s[1]
	rows := make([]float32, length*s[2]*s[3])
	copy(rows[missing*s[2]*s[3]:], host.Float32())
	return engine.Floats(rows, 1, length, s[2], s[3]), append(make([]float32, missing, length), counts...), nil
}

// moments is how many latents of sound a clip has.
func (c TransformerConfig) moments(frames int, fps float64) int64 {
	perSecond := float64(c.SamplingRate) / float64(c.HopLength) / float64(c.AudioScale)
	return int64(math.RoundToEven(float64(frames) / fps * perSecond))
}
