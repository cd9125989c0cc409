package client

import (
	"context"
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// About is what a server says of itself.
type About struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Driver  string `json:"driver"` // "containerd" or "process"
	Models  string `json:"models"` // its folder of bundles, on its machine

	Checkpoints string `json:"checkpoints"` // its folder of what it has pulled
	ModelsLimit int64  `json:"modelsLimit"` // bytes of disk that both may use together; 0: no limit
}

// About asks the server what it is.
func (c *Client) About(ctx context.Context) (a About, err error) {
	return a, c.Call(ctx, http.MethodGet, "/api/v1/version", nil, &a)
}

// Storage asks what each kind of the server's files uses of the disk, and of what it may.
func (c *Client) Storage(ctx context.Context) ([]spec.Storage, error) {
	var out struct{ Storage []spec.Storage }
	err := c.Call(ctx, http.MethodGet, "/api/v1/storage", nil, &out)
	return out.Storage, err
}
