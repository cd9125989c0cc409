package client

import (
	"context"
	"net/http"
	"time"
)

// Key is an API key, as the server shows it. Key, all of it, is in the answer that makes it and nowhere else.
type Key struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Scopes  []string  `json:"scopes"`
	State   string    `json:"state"` // good, expired or revoked
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	Revoked time.Time `json:"revoked,omitzero"`
	Key     string    `json:"key,omitempty"`
}

// Keys lists all keys, the oldest first.
func (c *Client) Keys(ctx context.Context) ([]Key, error) {
	var out struct{ Keys []Key }
	err := c.Call(ctx, http.MethodGet, "/api/v1/keys", nil, &out)
	return out.Keys, err
}

// CreateKey makes a key for somebody; 0 is one that does not expire.
func (c *Client) CreateKey(ctx context.Context, name string, scopes []string, expires time.Duration) (k Key, err error) {
	in := map[string]any{"name": name, "scopes": scopes, "expiresSeconds": int64(expires / time.Second)}
	err = c.Call(ctx, http.MethodPost, "/api/v1/keys", in, &k)
	return k, err
}

// RevokeKey ends a key by its id, or all keys of a name, and gives those that it has ended; warning says what of it the server could
// not write down.
func (c *Client) RevokeKey(ctx context.Context, idOrName string) (ended []Key, warning string, err error) {
	var out struct {
		Keys    []Key
		Warning string
	}
	err = c.Call(ctx, http.MethodDelete, "/api/v1/keys/"+segment(idOrName), nil, &out)
	return out.Keys, out.Warning, err
}

// Session is who a client is to its server.
type Session struct {
	Asks    bool      `json:"asks"` // whether the server asks who its callers are
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	Client  string    `json:"client"` // as whose its jobs are kept
	Scopes  []string  `json:"scopes"`
	Expires time.Time `json:"expires"`
}

// Whoami asks the server who this client is.
func (c *Client) Whoami(ctx context.Context) (s Session, err error) {
	err = c.Call(ctx, http.MethodGet, "/api/v1/session", nil, &s)
	return s, err
}
