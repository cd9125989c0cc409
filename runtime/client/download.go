package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"strings"
)

// Clip is a completed job's clip on its way. Read gives io.EOF only when all of it came and its digest is right.
type Clip struct {
	Name        string // what the server would call the file, without any folder
	ContentType string
	Size        int64 // -1: not known

	body io.ReadCloser
	sum  hash.Hash
	want string
}

// Download opens the clip of a completed job. The caller closes it.
func (c *Client) Download(ctx context.Context, j Job) (*Clip, error) {
	resp, err := c.Send(ctx, http.MethodGet, jobPath(j.ID)+"/download", nil, nil)
	if err != nil {
		return nil, err
	}
	k := &Clip{Name: fileName(resp, j), ContentType: resp.Header.Get("Content-Type"), Size: resp.ContentLength, body: resp.Body, sum: sha256.New()}
	if j.Result != nil {
		k.want = j.Result.SHA256
	}
	return k, nil
}

// Read implements io.Reader.
func (k *Clip) Read(p []byte) (int, error) {
	n, err := k.body.Read(p)
	k.sum.Write(p[:n])
	if err == io.EOF && k.want != "" { //nolint:errorlint // as io.Reader has it
		if got := hex.EncodeToString(k.sum.Sum(nil)); got != k.want {
			return n, fmt.Errorf("the clip arrived damaged: sha256 is %s, the server says %s", got, k.want)
		}
	}
	return n, err
}

// Close implements io.Closer.
func (k *Clip) Close() error { return k.body.Close() }

// fileName is the name of Content-Disposition without any folder in it.
func fileName(resp *http.Response, j Job) string {
	_, p, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
	name := filepath.Base(filepath.Clean("/" + strings.ReplaceAll(p["filename"], `\`, "/")))
	if err != nil || name == "/" || strings.HasPrefix(name, ".") {
		return j.ID + ".mp4"
	}
	return name
}
