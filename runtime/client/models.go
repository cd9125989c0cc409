package client

import (
	"context"
	"net/http"
)

// Model is one that the server makes clips with.
type Model struct {
	Model  string `json:"model"`
	Status string `json:"status"` // loaded, unloaded or broken
}

// Models lists the server's models.
func (c *Client) Models(ctx context.Context) ([]Model, error) {
	var out struct{ Models []Model }
	err := c.Call(ctx, http.MethodGet, "/v1/models", nil, &out)
	return out.Models, err
}

// ModelInfo decodes what the server knows of a model, its request schema and limits among it, into out.
func (c *Client) ModelInfo(ctx context.Context, model string, out any) error {
	return c.Call(ctx, http.MethodGet, "/v1/models/"+segment(model)+"/info", nil, out)
}
