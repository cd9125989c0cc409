package certs

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

// orders says where an order is in the answer that finalises it, for authorities that leave it out, as RFC 8555 lets them:
// x/crypto/acme cannot wait for a certificate without it.
type orders struct {
	http.RoundTripper
	mu sync.Mutex
	at map[string]string // by the address that finalises it
}

// RoundTrip implements http.RoundTripper.
func (o *orders) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := o.RoundTripper.RoundTrip(r)
	if err != nil {
		return resp, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if at := o.at[r.URL.String()]; at != "" && resp.Header.Get("Location") == "" {
		resp.Header.Set("Location", at)
	}
	if at := resp.Header.Get("Location"); at != "" && resp.StatusCode == http.StatusCreated {
		return resp, o.note(resp, at)
	}
	return resp, nil
}

// note reads how a new order is finalised, and puts the answer back.
func (o *orders) note(resp *http.Response, at string) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(b))
	var order struct{ Finalize string }
	if json.Unmarshal(b, &order) == nil && order.Finalize != "" {
		if len(o.at) > 1000 {
			clear(o.at)
		}
		o.at[order.Finalize] = at
	}
	return nil
}
