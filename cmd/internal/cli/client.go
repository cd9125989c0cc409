package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// defaultServer is where `videosdgx serve` listens unless told otherwise.
const defaultServer = "http://127.0.0.1:9000"

// client talks to a running `videosdgx serve`. It has no overall timeout: answers may stream for hours, ctx ends them.
type client struct {
	base *url.URL
	http *http.Client
}

// addServerFlag gives cmd the --server flag that newClient reads.
func addServerFlag(cmd *cobra.Command) {
	def := os.Getenv("VIDEOSDGX_SERVER")
	if def == "" {
		def = defaultServer
	}
	cmd.Flags().String("server", def, "address of the videosdgx server (environment: VIDEOSDGX_SERVER)")
}

// newClient makes a client for the server that cmd's --server flag names.
func newClient(cmd *cobra.Command) (*client, error) {
	addr, err := cmd.Flags().GetString("server")
	if err != nil {
		return nil, err
	}
	return dialServer(addr)
}

func dialServer(addr string) (*client, error) {
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	u, err := url.Parse(addr)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("--server %q is not an address: write it like %s", addr, defaultServer)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return &client{base: u, http: &http.Client{}}, nil
}

// call sends in as JSON (nil: no body) and decodes the JSON answer into out (nil: dropped). path is already escaped and
// may carry a query. An answer outside 2xx becomes a *serverError.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	header := http.Header{"Accept": {"application/json"}}
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
		header.Set("Content-Type", "application/json")
	}
	resp, err := c.send(ctx, method, path, header, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("the answer of %s %s is not the JSON this version expects: %w", method, c.base.JoinPath(path), err)
	}
	return nil
}

// send does one request and hands over the answer with its body open; the caller closes it. An answer of 400 or above
// becomes a *serverError.
func (c *client) send(ctx context.Context, method, path string, header http.Header, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, body)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	if resp.StatusCode >= 400 {
		defer resp.Body.Close()
		return nil, readServerError(resp)
	}
	return resp, nil
}

func (c *client) explain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("no videosdgx server answers at %s (%w): start one with 'videosdgx serve', or name it with --server or VIDEOSDGX_SERVER", c.base, op.Err)
	}
	return err
}

// serverError is an answer of 400 or above.
type serverError struct {
	Status  int
	Type    string // the server's error type, "" if it named none
	Message string
}

func (e *serverError) Error() string { return e.Message }

// readServerError understands Lambda's error bodies ("message" or "Message") and {"error": …} as REST endpoints write it.
func readServerError(resp *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	e := &serverError{Status: resp.StatusCode, Type: resp.Header.Get("X-Amzn-Errortype")}
	var body struct {
		Message string          `json:"message"` // matches "Message" too: encoding/json folds case; problem details repeat detail in it
		Error   json.RawMessage `json:"error"`
	}
	if json.Unmarshal(b, &body) == nil {
		e.Message = body.Message
		var nested struct{ Type, Message string }
		if e.Message == "" && json.Unmarshal(body.Error, &e.Message) != nil && json.Unmarshal(body.Error, &nested) == nil {
			e.Type, e.Message = nested.Type, nested.Message
		}
	}
	if e.Message == "" {
		e.Message = strings.TrimSpace(resp.Status + " " + string(b))
	}
	return e
}
