package url

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// event is a request in payload format 2.0; docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html.
type event struct {
	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQueryString  string            `json:"rawQueryString"`
	Cookies         []string          `json:"cookies,omitempty"`
	Headers         map[string]string `json:"headers"`
	Query           map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext  requestContext    `json:"requestContext"`
	Body            string            `json:"body,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         contextHTTP `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"` // milliseconds
}

type contextHTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// event makes the invocation's payload.
func (h *Handler) event(r *http.Request, t target, id string, body []byte) []byte {
	now := time.Now().UTC()
	e := event{
		Version: "2.0", RouteKey: "$default", RawPath: t.path, RawQueryString: r.URL.RawQuery,
		Headers: make(map[string]string, len(r.Header)+1),
		RequestContext: requestContext{
			AccountID: h.Account, APIID: t.name, DomainName: r.Host, DomainPrefix: t.name,
			HTTP:      contextHTTP{r.Method, t.path, r.Proto, sourceIP(r), r.UserAgent()},
			RequestID: id, RouteKey: "$default", Stage: "$default",
			Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
		},
	}
	for k, v := range r.Header {
		if k == "Cookie" {
			e.Cookies = cookies(v)
			continue
		}
		e.Headers[strings.ToLower(k)] = strings.Join(v, ",")
	}
	e.Headers["host"] = r.Host
	if r.URL.RawQuery != "" {
		e.Query = query(r.URL.RawQuery)
	}
	if e.IsBase64Encoded = isBinary(r.Header.Get("Content-Type"), body); e.IsBase64Encoded {
		e.Body = base64.StdEncoding.EncodeToString(body)
	} else {
		e.Body = string(body)
	}
	b, _ := json.Marshal(e) // strings and numbers: cannot fail
	return b
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func cookies(headers []string) []string {
	var all []string
	for _, h := range headers {
		for c := range strings.SplitSeq(h, ";") {
			if c = strings.TrimSpace(c); c != "" {
				all = append(all, c)
			}
		}
	}
	return all
}

// query joins values of one name with commas, as format 2.0 does.
func query(raw string) map[string]string {
	values, _ := url.ParseQuery(raw) // what cannot be parsed is still in rawQueryString
	q := make(map[string]string, len(values))
	for k, v := range values {
		q[k] = strings.Join(v, ",")
	}
	return q
}

// isBinary says whether a request's body travels as base64: by its type, as Lambda decides it, and whenever it is not
// UTF-8, which JSON could not carry.
func isBinary(contentType string, body []byte) bool {
	if len(body) == 0 {
		return false
	}
	return !isText(contentType) || !utf8.Valid(body)
}

// isText lists what Lambda takes for text. A body without a type is text when it is UTF-8.
func isText(contentType string) bool {
	if contentType == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch t {
	case "application/json", "application/javascript", "application/xml", "application/yaml":
		return true
	}
	return strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "+json") || strings.HasSuffix(t, "+xml")
}
