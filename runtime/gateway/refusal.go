package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/runtime/gateway/framing"
)

// unread is the answer to a request that nobody could read, as it goes onto the wire: in the shape of the API that it asked for, as far
// as that is known. The connection ends with it.
func unread(f *framing.Fault, p Problem) []byte {
	k := &kept{head: http.Header{requestID: {uuid.NewString()}}}
	refuse(k, &http.Request{Method: f.Method, URL: &url.URL{Path: pathOf(f.Target)}}, p)
	k.head.Set("Connection", "close")
	k.head.Set("Content-Length", strconv.Itoa(k.body.Len()))
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", p.Status, http.StatusText(p.Status))
	_ = k.head.Write(&b) // memory
	b.WriteString("\r\n")
	if f.Method != http.MethodHead {
		b.Write(k.body.Bytes())
	}
	return b.Bytes()
}

// problemOf puts a fault in the words of the APIs.
func problemOf(f *framing.Fault) Problem {
	p := Problem{Status: f.Status, Type: "InvalidRequestContentException", Message: f.Why}
	if f.Status == http.StatusRequestHeaderFieldsTooLarge {
		p.Type = "RequestTooLargeException"
	}
	return p
}

// pathOf is a target's path, as it came.
func pathOf(target string) string {
	if _, rest, ok := strings.Cut(target, "://"); ok && !strings.HasPrefix(target, "/") {
		_, path, _ := strings.Cut(rest, "/")
		target = "/" + path
	}
	path, _, _ := strings.Cut(target, "?")
	return strings.ToValidUTF8(path, "\uFFFD")
}

// kept is a response in memory.
type kept struct {
	head http.Header
	body bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.head }
func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }
func (k *kept) WriteHeader(int)             {}

// notAll refuses what asks for the server as a whole, which OPTIONS alone does (RFC 9112, 3.2.4), and for a way through it.
func notAll(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodConnect:
			refuse(w, r, Problem{Status: http.StatusMethodNotAllowed, Type: "InvalidRequestContentException", Message: "this server is no proxy: CONNECT leads nowhere"})
		case r.RequestURI == "*" && r.Method != http.MethodOptions:
			refuse(w, r, Problem{Status: http.StatusBadRequest, Type: "InvalidRequestContentException", Message: "the server as a whole (*) can be asked for its OPTIONS alone: name a path"})
		default:
			next.ServeHTTP(w, r)
		}
	})
}
