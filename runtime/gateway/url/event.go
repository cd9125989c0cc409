package url

import (
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
)

// event makes the invocation's payload.
func (h *Handler) event(r *http.Request, t target, id, trace string, body []byte) []byte {
	line := urlevent.HTTP{Method: r.Method, Path: t.path, Protocol: r.Proto, SourceIP: sourceIP(r), UserAgent: r.UserAgent()}
	e := urlevent.Begin(id, h.Account, r.Host, t.name, line, time.Now())
	e.Headers = make(map[string]string, len(r.Header)+5)
	for k, v := range r.Header {
		if k == "Cookie" {
			e.Cookies = cookies(v)
			continue
		}
		e.Headers[lower(k)] = strings.Join(v, ",")
	}
	e.Headers["host"] = r.Host
	forwarded(e.Headers, r, trace)
	if e.RawQueryString = r.URL.RawQuery; e.RawQueryString != "" {
		e.Query = query(e.RawQueryString)
	}
	e.SetBody(body, isBinary(r.Header.Get("Content-Type"), body))
	return e.Encode()
}

// lowered are names of headers that most requests have.
var lowered = map[string]string{}

func init() {
	for name := range strings.FieldsSeq(`Accept Accept-Encoding Accept-Language Authorization Cache-Control Connection Content-Length Content-Type
		Origin Referer Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Traceparent User-Agent X-Forwarded-For X-Forwarded-Port X-Forwarded-Proto`) {
		lowered[name] = strings.ToLower(name)
	}
}

func lower(name string) string {
	if s, ok := lowered[name]; ok {
		return s
	}
	return strings.ToLower(name)
}

// forwarded adds the headers that Lambda itself adds; frameworks make absolute addresses of them. What a proxy in front has
// said of scheme and port stays.
func forwarded(headers map[string]string, r *http.Request, trace string) {
	scheme, port := "http", "80"
	if r.TLS != nil {
		scheme, port = "https", "443"
	}
	if _, p, err := net.SplitHostPort(r.Host); err == nil {
		port = p
	}
	for _, h := range [...][2]string{{"x-forwarded-proto", scheme}, {"x-forwarded-port", port}, {"x-amzn-trace-id", trace}} {
		if headers[h[0]] == "" {
			headers[h[0]] = h[1]
		}
	}
	from := sourceIP(r)
	if before := headers["x-forwarded-for"]; before != "" {
		from = before + ", " + from
	}
	headers["x-forwarded-for"] = from
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
	all := map[string][]string{}                   // joined at the end: a head has room for half a million values of one name
	for pair := range strings.SplitSeq(raw, "&") { // a semicolon is part of a value
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		k = unescape(k)
		all[k] = append(all[k], unescape(v))
	}
	q := make(map[string]string, len(all))
	for k, values := range all {
		q[k] = strings.Join(values, ",")
	}
	return q
}

// unescape leaves what is not escaped as it should be as it is.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// isBinary says whether a body travels as base64: by its type, as Lambda decides it, and whenever it is not UTF-8, which
// JSON could not carry.
func isBinary(contentType string, body []byte) bool {
	return len(body) > 0 && (!isTextType(contentType) || !utf8.Valid(body))
}

// isTextType lists what Lambda takes for text. A body without a type is text when it is UTF-8.
func isTextType(contentType string) bool {
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
