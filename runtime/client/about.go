package client

import (
	"context"
	"net/http"
)

// About is what a server says of itself.
type About struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Driver  string `json:"driver"` // "containerd" or "process"
	Models  string `json:"models"` // its folder of bundles, on its machine
}

// About asks the server what it is.
func (c *Client) About(ctx context.Context) (a About, err error) {
	return a, c.Call(ctx, http.MethodGet, "/api/v1/version", nil, &a)
}
