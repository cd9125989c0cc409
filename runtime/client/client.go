// Package client talks to a VideosDGX server: functions and their instances, invocations, jobs, models, snapshots. The
// command line and the benches use it, and so may any Go program.
//
//	c, err := client.New(client.Options{})          // VIDEOSDGX_SERVER, or http://127.0.0.1:9000
//	job, err := c.Submit(ctx, client.Submission{Model: "wan21", Request: map[string]any{"prompt": "a red circle"}})
//	job, err = c.Watch(ctx, job.ID, func(e client.Event) { fmt.Println(e.Type) })
//	clip, err := c.Download(ctx, job)
//
// Every method is safe for concurrent use, ends when its context does, and has no other time limit: answers may stream for
// hours. What the server refuses is an *Error with its status and words.
package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// DefaultServer is where `videosdgx serve` listens unless told otherwise.
const DefaultServer = "http://127.0.0.1:9000"

// Options say whom to talk to. Zero fields take what their comments name.
type Options struct {
	Server  string       // http://HOST:PORT, https://…, HOST:PORT, unix:PATH or unix:///PATH; default VIDEOSDGX_SERVER, then DefaultServer
	Key     string       // API key or token, sent as a bearer token; default KeyFile's, then VIDEOSDGX_KEY, VIDEOSDGX_API_KEY; "" where the server asks for none
	KeyFile string       // file that holds the key; default VIDEOSDGX_KEY_FILE
	HTTP    *http.Client // default one of its own
}

// Client talks to one server.
type Client struct {
	base   *url.URL
	server string // as a person would write it
	key    string
	http   *http.Client
}

// New makes a client; it does not connect yet.
func New(o Options) (*Client, error) {
	addr := cmp.Or(o.Server, os.Getenv("VIDEOSDGX_SERVER"), DefaultServer)
	key, err := o.key()
	if err != nil {
		return nil, err
	}
	c := &Client{server: addr, key: key, http: o.HTTP}
	if c.http == nil {
		c.http = &http.Client{Transport: http.DefaultTransport}
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		if strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///") {
			path = "" // unix://a/b names a host, as URLs do
		}
		return c, c.overSocket(path)
	}
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	u, err := url.Parse(addr)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is not the address of a server: write it like %s or unix:///run/videosdgx.sock", addr, DefaultServer)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	c.base, c.server = u, u.String()
	return c, nil
}

// key finds the key that requests carry; "": none.
func (o Options) key() (string, error) {
	file := o.KeyFile
	if file == "" {
		if key := cmp.Or(o.Key, os.Getenv("VIDEOSDGX_KEY"), os.Getenv("VIDEOSDGX_API_KEY")); key != "" {
			return strings.TrimSpace(key), nil
		}
		if file = os.Getenv("VIDEOSDGX_KEY_FILE"); file == "" {
			return "", nil
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("cannot read the key: %w", err)
	}
	key := strings.TrimSpace(string(b))
	if key == "" || strings.ContainsAny(key, "\r\n") {
		return "", fmt.Errorf("%s holds no key: it must have one line, as 'videosdgx keys create' prints it", file)
	}
	return key, nil
}

// overSocket has the client dial a unix socket, whatever a URL's host says.
func (c *Client) overSocket(path string) error {
	if path == "" || strings.HasSuffix(path, "/") {
		return fmt.Errorf("%s is not the address of a socket: write it like unix:/run/videosdgx.sock", c.server)
	}
	c.base = &url.URL{Scheme: "http", Host: "localhost"}
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
	own := *c.http
	own.Transport = t
	c.http = &own
	return nil
}

// URL is the server's address.
func (c *Client) URL() string { return c.server }

// Close closes connections that rest.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Call sends in as JSON (nil: no body) and decodes the JSON answer into out (nil: dropped). path is escaped already and may
// carry a query. It is for what this package has no method for.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	return c.callWith(ctx, method, path, http.Header{}, in, out)
}

func (c *Client) callWith(ctx context.Context, method, path string, header http.Header, in, out any) error {
	var body io.Reader
	header.Set("Accept", "application/json")
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
		header.Set("Content-Type", "application/json")
	}
	resp, err := c.Send(ctx, method, path, header, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if kind := mediaType(resp.Header); isPage(kind) { // it would pass for done where nothing is to be read
		return c.stranger(method, path, kind)
	}
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("the answer of %s %s%s is not the JSON this version expects: %w", method, c.server, path, err)
	}
	return nil
}

// Send does one request and hands over the answer with its body open; the caller closes it. An answer of 400 or above
// becomes an *Error.
func (c *Client) Send(ctx context.Context, method, path string, header http.Header, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, body)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	if resp.StatusCode >= 400 {
		defer resp.Body.Close()
		return nil, readError(resp)
	}
	return resp, nil
}

// ErrNoServer is in the error of a request that nobody answered the dial of.
var ErrNoServer = errors.New("no videosdgx server answers")

func (c *Client) explain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%w at %s (%w): start one with 'videosdgx serve', or name it with --server or VIDEOSDGX_SERVER", ErrNoServer, c.server, op.Err)
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return fmt.Errorf("the certificate of %s is not trusted (%w): SSL_CERT_FILE names a file in PEM with the authority that vouches for it", c.server, untrusted.Err)
	}
	return err
}

// segment escapes a name for a path. What would make another path of it is left to the server to refuse.
func segment(name string) string {
	if name == "." || name == ".." {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}
