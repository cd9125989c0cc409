package magi1

import (
	"context"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Inputs and outputs of the graph of tables: the weights that the host computes with.
const (
	tableTokens = "tokens" // int64 [tokens], positions in the null caption
	tableNull   = "null"   // [tokens, caption_channels]
	tableBands  = "bands"  // [bands], rotary frequencies
)

// Tables is the graph that gives the null caption and the rotary frequencies of a checkpoint.
func Tables(c ModelConfig, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := nn.New("tables", "transformer", o)
	tokens := g.Input(tableTokens, onnx.Int64, "tokens")
	rows := g.Gather(g.Float32Param("y_embedder.null_caption_embedding", c.CaptionTokens, c.CaptionSize), tokens)
	g.Builder.Output(tableNull, rows, onnx.Float32, "tokens", c.CaptionSize)
	g.Builder.Output(tableBands, g.Float32Param("rope.bands", c.bands()), onnx.Float32, c.bands())
	return g, nil
}

// tables are what that graph has given.
type tables struct {
	null  []float32 // [caption_max_length, caption_channels]
	bands []float32
}

func readTables(ctx context.Context, s *bundle.Sessions, c ModelConfig) (tables, error) {
	tokens := make([]int64, c.CaptionTokens)
	for i := range tokens {
		tokens[i] = int64(i)
	}
	out, err := s.Run(ctx, graphTables, engine.Values{tableTokens: engine.Ints(tokens, c.CaptionTokens)})
	if err != nil {
		return tables{}, err
	}
	return tables{null: out.Float32(tableNull), bands: out.Float32(tableBands)}, nil
}
