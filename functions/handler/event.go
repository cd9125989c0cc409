package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/events"
)

// Pong answers {"ping":true}: the function is there and its model is open.
type Pong struct {
	Pong  bool   `json:"pong"`
	Model string `json:"model"`
}

// Invoke answers one event of either kind; it is what lambda.Start gets.
func (h *Handler) Invoke(ctx context.Context, event json.RawMessage) (any, error) {
	if e, ok := urlEvent(event); ok {
		return h.url(ctx, e), nil
	}
	if isPing(event) {
		return Pong{Pong: true, Model: h.d.Name}, nil
	}
	res, err := h.plain(ctx, event)
	if err != nil {
		h.logFailure(err)
		return nil, plain(err)
	}
	return res, nil
}

// urlEvent tells a function-URL event from a request: it has requestContext.http.
func urlEvent(event []byte) (events.LambdaFunctionURLRequest, bool) {
	var e events.LambdaFunctionURLRequest
	if json.Unmarshal(event, &e) != nil || e.RequestContext.HTTP.Method == "" {
		return e, false
	}
	return e, true
}

func isPing(body []byte) bool {
	var p struct{ Ping bool }
	return json.Unmarshal(body, &p) == nil && p.Ping
}

func (h *Handler) plain(ctx context.Context, body []byte) (*Result, error) {
	r, err := h.intake.read(ctx, body)
	if err != nil {
		return nil, err
	}
	return h.whole(ctx, r)
}

// whole makes a clip and takes it into the answer.
func (h *Handler) whole(ctx context.Context, r Request) (*Result, error) {
	f, res, err := h.generate(ctx, r, sink{})
	if err != nil {
		return nil, err
	}
	defer remove(f)
	raw, err := os.ReadFile(f.Path)
	if err != nil {
		return nil, fmt.Errorf("the clip has gone: %w", err)
	}
	if res.Video = raw; f.Frames == 0 {
		res.Video, res.Audio = nil, raw
	}
	return &res, nil
}

func (h *Handler) logFailure(err error) {
	p, name := problem(err)
	if p.Status >= 500 {
		h.log.Error("the clip could not be made", "kind", name, "error", err)
	}
}
