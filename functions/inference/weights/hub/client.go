package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

// DefaultEndpoint is where repositories are looked for unless HF_ENDPOINT says otherwise.
const DefaultEndpoint = "https://huggingface.co"

// Client talks to one endpoint.
type Client struct {
	Endpoint string // "" means DefaultEndpoint
	Token    string // "" for none; sent to the endpoint's own host only
	HTTP     *http.Client
}

// FromEnvironment reads HF_ENDPOINT and the token: HF_TOKEN, which may say where it is (file:/PATH, credential:NAME of
// systemd's unit), the file HF_TOKEN_PATH, systemd's credential hf-token, or what the huggingface-cli keeps. One that is named
// and is not there is an error.
func FromEnvironment() (*Client, error) {
	token, err := token()
	return &Client{Endpoint: os.Getenv("HF_ENDPOINT"), Token: token}, err
}

func token() (string, error) {
	value, credentials := os.Getenv("HF_TOKEN"), os.Getenv("CREDENTIALS_DIRECTORY")
	if file, ok := strings.CutPrefix(value, "file:"); ok {
		return tokenIn("HF_TOKEN", file)
	}
	if name, ok := strings.CutPrefix(value, "credential:"); ok {
		return tokenIn("HF_TOKEN", filepath.Join(credentials, filepath.Base(name)))
	}
	if value != "" {
		return value, nil
	}
	if file := os.Getenv("HF_TOKEN_PATH"); file != "" {
		return tokenIn("HF_TOKEN_PATH", file)
	}
	home := os.Getenv("HF_HOME")
	if home == "" {
		cache, _ := os.UserHomeDir()
		home = filepath.Join(cache, ".cache", "huggingface")
	}
	for _, file := range []string{filepath.Join(credentials, "hf-token"), filepath.Join(home, "token")} {
		if raw, err := os.ReadFile(file); err == nil && filepath.IsAbs(file) { // none is fine
			return strings.TrimSpace(string(raw)), nil
		}
	}
	return "", nil
}

func tokenIn(from, file string) (string, error) {
	raw, err := os.ReadFile(file)
	text := strings.TrimSpace(string(raw))
	if err == nil && text == "" {
		err = errors.New("the file is empty")
	}
	if err != nil {
		return "", fmt.Errorf("the token that %s names cannot be had: %w: %w", from, err, errdefs.ErrInvalidArgument)
	}
	return text, nil
}

// Entry is one file of a repository.
type Entry struct {
	Path   string // with slashes
	Size   int64  // bytes
	SHA256 string // 64 hex digits; "" for a small file that the repository keeps in git itself
	Git    string // git blob id of such a file, 40 hex digits
}

func (c *Client) endpoint() string {
	if c.Endpoint == "" {
		return DefaultEndpoint
	}
	return strings.TrimSuffix(c.Endpoint, "/")
}

// client follows redirects, and takes the token along only within one host and port.
func (c *Client) client() *http.Client {
	client := http.Client{}
	if c.HTTP != nil {
		client = *c.HTTP
	}
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if len(via) >= 10 {
			return errors.New("ten redirects lead nowhere")
		}
		if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
			req.Header.Del("Authorization")
		}
		return nil
	}
	return &client
}

// get sends one request.
func (c *Client) get(ctx context.Context, url string, headers map[string]string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	if c.Token != "" && strings.HasPrefix(url, c.endpoint()+"/") {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	res, err := c.client().Do(req)
	if err != nil {
		return nil, fmt.Errorf("cannot reach %s: %w: %w", c.endpoint(), err, errdefs.ErrUnavailable)
	}
	return res, nil
}

// status turns an answer that is no success into an error with the next step in it.
func (c *Client) status(res *http.Response, what string) error {
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 400))
	text := strings.TrimSpace(res.Header.Get("X-Error-Message"))
	if text == "" {
		text = strings.TrimSpace(string(said))
	}
	if isHTML(res, said) {
		text = "with a web page (HTML)"
	}
	switch res.StatusCode {
	case http.StatusNetworkAuthenticationRequired:
		return c.webPage(what)
	case http.StatusUnauthorized, http.StatusForbidden:
		next := "set HF_TOKEN to a token that may read it (and accept its licence on the model's page)"
		if c.Token != "" {
			next = "HF_TOKEN may not read it: accept the model's licence on its page, or use another token"
		}
		return fmt.Errorf("%s is not accessible (%s): %s: %w", what, res.Status, next, errdefs.ErrPermissionDenied)
	case http.StatusNotFound:
		return fmt.Errorf("%s does not exist at %s: check the name and the revision: %w", what, c.endpoint(), errdefs.ErrNotFound)
	case http.StatusTooManyRequests:
		return &busyError{what: what, after: retryAfter(res)}
	}
	err := fmt.Errorf("%s: %s answered %s: %s", what, c.endpoint(), res.Status, text)
	if res.StatusCode >= 500 {
		return fmt.Errorf("%w: %w", err, errdefs.ErrUnavailable)
	}
	return fmt.Errorf("%w: %w", err, errdefs.ErrUnknown)
}

// busyError: the endpoint wants to be left alone for a while.
type busyError struct {
	what  string
	after time.Duration
}

func (e *busyError) Error() string { return e.what + ": the endpoint has had too many requests" }
func (e *busyError) Unwrap() error { return errdefs.ErrUnavailable }

func retryAfter(res *http.Response) time.Duration {
	d, err := time.ParseDuration(res.Header.Get("Retry-After") + "s")
	if err != nil || d < 0 {
		return 0
	}
	return min(d, time.Minute)
}

// Resolve gives the commit that a revision (branch, tag, commit; "" is main) stands for.
func (c *Client) Resolve(ctx context.Context, repo, revision string) (string, error) {
	if parts := strings.Split(repo, "/"); len(parts) > 2 || repo == "" || path.Clean(repo) != repo || strings.HasPrefix(repo, ".") {
		return "", fmt.Errorf("%q is no repository: write OWNER/NAME: %w", repo, errdefs.ErrInvalidArgument)
	}
	if revision == "" {
		revision = "main"
	}
	res, err := c.get(ctx, c.endpoint()+"/api/models/"+escape(repo)+"/revision/"+url.PathEscape(revision), nil)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", c.status(res, repo+" at "+revision)
	}
	defer res.Body.Close()
	var info struct{ SHA string }
	if err := c.decode(res, "the revision "+revision+" of "+repo, &info); err != nil {
		return "", err
	}
	if !isHex(info.SHA, 40) {
		return "", fmt.Errorf("%s did not say which commit %s of %s is: %w", c.endpoint(), revision, repo, errdefs.ErrDataLoss)
	}
	return info.SHA, nil
}

func escape(p string) string {
	parts := strings.Split(p, "/")
	for i, s := range parts {
		parts[i] = url.PathEscape(s)
	}
	return strings.Join(parts, "/")
}

func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}
