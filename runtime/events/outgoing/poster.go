package outgoing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/containerd/errdefs"
)

// Poster posts through a Guard. Safe for concurrent use.
type Poster struct{ client *http.Client }

// NewPoster makes a Poster. No proxy of the environment is used: behind one, the guard would see its address only.
func NewPoster(g *Guard) *Poster {
	return &Poster{&http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: g.DialContext, DisableKeepAlives: true, TLSHandshakeTimeout: timeout, MaxResponseHeaderBytes: 64 << 10,
		},
	}}
}

// timeout is how long a receiver may take for an answer.
const timeout = 10 * time.Second

// StatusError is an answer that is no success. A redirect is one: what it points to has not got anything.
type StatusError struct{ Status int }

func (e *StatusError) Error() string {
	if e.Status >= 300 && e.Status < 400 {
		return fmt.Sprintf("it answered %d, and redirects are not followed: give the address that they lead to", e.Status)
	}
	return fmt.Sprintf("it answered %d", e.Status)
}

// Gone tells whether the receiver wants to hear no more.
func (e *StatusError) Gone() bool { return e.Status == http.StatusGone }

// Post sends body and gives nil when the receiver answered 2xx; a *StatusError is another answer, a *RefusedError an address
// that may not be called. No error repeats credentials or a query, or tells more of the network than who gave the address knows.
func (p *Poster) Post(ctx context.Context, address string, header http.Header, body []byte) error {
	if err := Valid(address); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s cannot be called: %w", Shown(address), errdefs.ErrInvalidArgument)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", Shown(address), plain(withoutURL(err)))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // a receiver may fail where its answer is not read
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("%s: %w", Shown(address), &StatusError{resp.StatusCode})
	}
	return nil
}

// withoutURL takes the address out of a client's error: it has the query, with the keys in it.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
