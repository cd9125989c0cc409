package hub

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
)

// maxListing bounds an answer of the API, in bytes.
const maxListing = 256 << 20

// webPage says that a web page came where something else was asked for.
func (c *Client) webPage(what string) error {
	return fmt.Errorf("%s: %s answered with a web page (HTML): a captive portal or a proxy may stand between, or HF_ENDPOINT names a site that is no Hugging Face endpoint; open it in a browser, then run the same command: %w",
		what, c.endpoint(), errdefs.ErrFailedPrecondition)
}

// decode reads an answer of the API.
func (c *Client) decode(res *http.Response, what string, v any) error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxListing))
	switch {
	case err != nil:
		return fmt.Errorf("%s broke off: %w: %w", what, err, errdefs.ErrUnavailable)
	case isHTML(res, raw):
		return c.webPage(what)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s cannot be read: %w: %w", what, err, errdefs.ErrDataLoss)
	}
	return nil
}

func isHTML(res *http.Response, start []byte) bool {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	start = bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf"))))
	begins := bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
	return begins || kind == "text/html" && bytes.HasPrefix(start, []byte("<"))
}

// pages are names of files that may begin as HTML does.
var pages = []string{".html", ".htm", ".xhtml", ".md", ".txt"}

// content gives a file's bytes out of an answer, of which nothing has been kept yet: with its compression undone, and
// refused when it is a web page or has another length than the file.
func (f *fetcher) content(res *http.Response, have int64) (io.Reader, error) {
	body := bufio.NewReaderSize(res.Body, 4096)
	switch encoding := strings.ToLower(res.Header.Get("Content-Encoding")); {
	case encoding == "gzip" || encoding == "x-gzip":
		if have > 0 {
			f.whole = true
			return nil, fmt.Errorf("%s: a part came compressed, which does not fit what is there: %w", f.e.Path, errdefs.ErrUnavailable)
		}
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("%s: the answer says that it is gzip, and is not: %w: %w", f.e.Path, err, errdefs.ErrUnavailable)
		}
		f.whole = true // its bytes on the way are not those of the file: no resuming
		body = bufio.NewReaderSize(z, 4096)
	case encoding != "" && encoding != "identity":
		return nil, fmt.Errorf("%s: the answer is compressed (%s) though that was not asked for: use another mirror: %w", f.e.Path, encoding, errdefs.ErrFailedPrecondition)
	}
	start, err := body.Peek(512)
	if len(start) == 0 && err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: the transfer broke off: %w: %w", f.e.Path, err, errdefs.ErrUnavailable)
	}
	if have == 0 && isHTML(res, start) && !slices.Contains(pages, strings.ToLower(path.Ext(f.e.Path))) {
		return nil, f.c.webPage(f.e.Path)
	}
	if !f.whole && res.ContentLength >= 0 && res.ContentLength != f.e.Size-have {
		return nil, fmt.Errorf("%s: the answer has %d bytes, the file %d: what stands between (a proxy, a mirror) gives something else: %w",
			f.e.Path, res.ContentLength, f.e.Size-have, errdefs.ErrFailedPrecondition)
	}
	return body, nil
}
