// Package urlevent speaks the two ends of a Lambda function URL: the event that a request becomes (payload format
// version 2.0) and the answer that a function gives to it, whole (statusCode, headers, body) or streamed (a JSON prelude,
// eight zero bytes, the body). It is a leaf beside spec, shared by function URLs and by jobs.
// Source: docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html.
package urlevent

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Request is an event of payload format 2.0. Header names are lower case; several values of one are joined by commas.
type Request struct {
	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQueryString  string            `json:"rawQueryString"`
	Cookies         []string          `json:"cookies,omitempty"`
	Headers         map[string]string `json:"headers"`
	Query           map[string]string `json:"queryStringParameters,omitempty"`
	Context         Context           `json:"requestContext"`
	Body            string            `json:"body,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// Context is the event's requestContext.
type Context struct {
	AccountID    string `json:"accountId"`
	APIID        string `json:"apiId"`
	DomainName   string `json:"domainName"`
	DomainPrefix string `json:"domainPrefix"`
	HTTP         HTTP   `json:"http"`
	RequestID    string `json:"requestId"`
	RouteKey     string `json:"routeKey"`
	Stage        string `json:"stage"`
	Time         string `json:"time"`
	TimeEpoch    int64  `json:"timeEpoch"` // milliseconds
}

// HTTP is the request line as the event tells it.
type HTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// Begin makes an event without headers and body, from whoever calls (account, the address that was called and its first
// label) and the request line.
func Begin(id, account, domain, prefix string, line HTTP, now time.Time) Request {
	return Request{
		Version: "2.0", RouteKey: "$default", RawPath: line.Path, Headers: map[string]string{},
		Context: Context{
			AccountID: account, APIID: prefix, DomainName: domain, DomainPrefix: prefix, HTTP: line,
			RequestID: id, RouteKey: "$default", Stage: "$default",
			Time: now.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
		},
	}
}

// New makes the event of a call that the runtime itself places, such as a job's.
func New(id, method, path string, headers map[string]string, body []byte, now time.Time) Request {
	line := HTTP{Method: method, Path: path, Protocol: "HTTP/1.1", SourceIP: "127.0.0.1", UserAgent: "videosdgx"}
	r := Begin(id, "anonymous", "videosdgx", "videosdgx", line, now)
	for k, v := range headers {
		r.Headers[strings.ToLower(k)] = v
	}
	r.Headers["content-length"] = strconv.Itoa(len(body))
	r.SetBody(body, !utf8.Valid(body))
	return r
}

// SetBody puts text in as it is, and what is binary in base64. JSON carries UTF-8 only: all else must be called binary.
func (r *Request) SetBody(b []byte, binary bool) {
	if r.IsBase64Encoded = binary; binary {
		r.Body = base64.StdEncoding.EncodeToString(b)
		return
	}
	r.Body = string(b)
}
