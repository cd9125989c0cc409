package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Upload is a file that requests may name.
type Upload struct {
	ID          string    `json:"id"`
	Reference   string    `json:"reference"` // what a request says where it takes a file
	Size        int64     `json:"size_bytes"`
	SHA256      string    `json:"sha256"`
	ContentType string    `json:"content_type"`
	Expires     time.Time `json:"expires_at"`
}

// Upload sends a file for requests to come; client is who will name it, as in Submission ("" for nobody in particular). A
// contentType of "" leaves the server to look.
func (c *Client) Upload(ctx context.Context, file io.Reader, contentType, client string) (u Upload, err error) {
	h := http.Header{"Accept": {"application/json"}}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	if client != "" {
		h.Set("X-Client-Id", client)
	}
	resp, err := c.Send(ctx, http.MethodPut, "/v1/uploads", h, file)
	if err != nil {
		return u, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&u); err != nil {
		return u, fmt.Errorf("the answer of PUT %s/v1/uploads is not the JSON this version expects: %w", c.server, err)
	}
	return u, nil
}
