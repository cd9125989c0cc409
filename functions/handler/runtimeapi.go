package handler

import (
	"context"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// runtimeAPI is the part of the Runtime API that aws-lambda-go does not know: our two extensions, and init/error.
type runtimeAPI struct {
	base       string // http://host:port/2018-06-01/runtime
	client     *http.Client
	extensions []string
}

// fromEnvironment finds the API where the runtime says it is; nil without one.
func fromEnvironment() *runtimeAPI {
	host := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	if host == "" {
		return nil
	}
	return &runtimeAPI{
		base:       "http://" + host + "/2018-06-01/runtime",
		client:     &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Second}},
		extensions: strings.Split(os.Getenv("VIDEOSDGX_EXTENSIONS"), ","),
	}
}

func (a *runtimeAPI) has(extension string) bool {
	return a != nil && slices.Contains(a.extensions, extension)
}

// call does one exchange and gives the status.
func (a *runtimeAPI) call(ctx context.Context, method, path, contentType string, body io.Reader) (int, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return 0, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := a.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	return res.StatusCode, err
}

// rest closes the extensions' idle connections, so that between invocations none stays open without need.
func (a *runtimeAPI) rest() {
	if a != nil {
		a.client.CloseIdleConnections()
	}
}
