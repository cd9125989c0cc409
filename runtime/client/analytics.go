package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
)

// UsageFilter says which jobs a report is of. Zero fields take the server's defaults: the last day, all models, all clients, UTC.
type UsageFilter struct {
	Span     string // 1h, 24h, 7d or 30d
	From, To string // instead of Span: RFC 3339
	Model    string
	Client   string
	Zone     string // whose days and hours are counted, as America/Sao_Paulo
	By       string // what a table is of: time, model, client, hour or failure
}

func (f UsageFilter) path() string {
	q := url.Values{}
	for name, v := range map[string]string{"span": f.Span, "from": f.From, "to": f.To, "model": f.Model, "client": f.Client, "zone": f.Zone, "by": f.By} {
		if v != "" {
			q.Set(name, v)
		}
	}
	return "/v1/analytics?" + q.Encode()
}

// Usage decodes what the queue has done over a span of time into out.
func (c *Client) Usage(ctx context.Context, f UsageFilter, out any) error {
	return c.Call(ctx, http.MethodGet, f.path(), nil, out)
}

// UsageTable gives one of a report's tables as CSV. The caller closes it.
func (c *Client) UsageTable(ctx context.Context, f UsageFilter) (io.ReadCloser, error) {
	resp, err := c.Send(ctx, http.MethodGet, f.path(), http.Header{"Accept": {"text/csv"}}, nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
