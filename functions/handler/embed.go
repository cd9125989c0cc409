package handler

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/events"
	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/jsonform"
)

// embedPath is where texts are given as vectors: POST {"prompts": [...]}.
const embedPath = "/embed"

// maxEmbedded is how many texts one event may have.
const maxEmbedded = 32

// Embeddings answers a POST to /embed: one vector for each text, of length 1, in float32, little endian, in base64. Two texts are as
// alike as the product of their vectors is large.
type Embeddings struct {
	Model      string   `json:"model"`
	Dimensions int      `json:"dimensions"`
	Vectors    [][]byte `json:"vectors"`
}

// embed gives texts as the model's text encoder sees them.
func (h *Handler) embed(ctx context.Context, body []byte) (any, error) {
	if h.d.Embed == nil {
		a := jsonAnswer(http.StatusNotImplemented, "application/problem+json", Problem{Type: "about:blank", Title: "Not implemented",
			Status: http.StatusNotImplemented, Detail: h.d.Name + " gives no vectors of texts."})
		return a, nil
	}
	var ask struct{ Prompts []string }
	if err := jsonform.Decode(body, &ask); err != nil {
		return nil, &MalformedError{fmt.Errorf("the body is no JSON object with prompts: %w", err)}
	}
	if n := len(ask.Prompts); n < 1 || n > maxEmbedded {
		return nil, fmt.Errorf("prompts has %d texts: 1 to %d would do: %w", n, maxEmbedded, errdefs.ErrInvalidArgument)
	}
	for i, text := range ask.Prompts {
		if most := h.d.Limits.MaxPromptBytes; most > 0 && len(text) > most {
			return nil, fmt.Errorf("prompts/%d has %d bytes: %d at most: %w", i, len(text), most, errdefs.ErrInvalidArgument)
		}
	}
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer debug.FreeOSMemory()
	out := Embeddings{Model: h.d.Name}
	for _, text := range ask.Prompts {
		v, err := h.d.Embed(ctx, text)
		if err != nil {
			return nil, err
		}
		out.Dimensions, out.Vectors = len(v), append(out.Vectors, floats(v))
	}
	return jsonAnswer(http.StatusOK, "application/json", out), nil
}

func floats(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// eventBody is what a function-URL event brings.
func eventBody(e events.LambdaFunctionURLRequest) ([]byte, error) {
	if !e.IsBase64Encoded {
		return []byte(e.Body), nil
	}
	body, err := base64.StdEncoding.DecodeString(e.Body)
	if err != nil {
		return nil, &MalformedError{errors.New("the body is not in base64, though the event says so.")}
	}
	return body, nil
}
