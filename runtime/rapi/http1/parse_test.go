package http1

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func parse(s string) (*Request, []byte, error) {
	r, err := readRequest(bufio.NewReaderSize(strings.NewReader(s), 64))
	if err != nil {
		return nil, nil, err
	}
	b, err := io.ReadAll(r.Body)
	return r, b, err
}

func TestRequests(t *testing.T) {
	long := strings.Repeat("v", 1<<20)
	for name, c := range map[string]struct {
		in, path, body, trailer string
	}{
		"no body":           {"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", "/a", "", ""},
		"length":            {"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "/a", "hello", ""},
		"bare line feeds":   {"POST /a HTTP/1.1\nContent-Length: 2\n\nhi", "/a", "hi", ""},
		"chunks":            {"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n", "/a", "hello world", ""},
		"trailers":          {"POST /a HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\nT: yes\r\n\r\n", "/a", "x", "yes"},
		"long header":       {"GET /a HTTP/1.1\r\nX: " + long + "\r\n\r\n", "/a", "", ""},
		"same length twice": {"POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "/a", "x", ""},
	} {
		r, body, err := parse(c.in)
		if err != nil || r.Path != c.path || string(body) != c.body || r.Body.Trailer.Get("t") != c.trailer {
			t.Errorf("%s: %+v, body %q, %v", name, r, body, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		in     string
		status int
	}{
		"no method":          {" / HTTP/1.1\r\n\r\n", 400},
		"control in method":  {"G\x00T / HTTP/1.1\r\n\r\n", 400},
		"no path":            {"GET  HTTP/1.1\r\n\r\n", 400},
		"proxy form":         {"GET http://x/ HTTP/1.1\r\n\r\n", 400},
		"version":            {"GET / HTTP/2.0\r\n\r\n", 505},
		"space before colon": {"GET / HTTP/1.1\r\nA : b\r\n\r\n", 400},
		"folded":             {"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400},
		"negative length":    {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
		"two lengths":        {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
		"both":               {"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"two codings":        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 501},
		"gzip":               {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
		"chunk size":         {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
		"chunk too long":     {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", 400},
		"huge head":          {"GET / HTTP/1.1\r\nX: " + strings.Repeat("v", 3<<20) + "\r\n\r\n", 431},
	} {
		_, _, err := parse(c.in)
		var b *badRequest
		if !errors.As(err, &b) || b.status != c.status {
			t.Errorf("%s: %v, want status %d", name, err, c.status)
		}
	}
}

func TestTruncated(t *testing.T) {
	const whole = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: v\r\n\r\n"
	if _, _, err := parse(""); err != io.EOF { //nolint:errorlint // exactly that
		t.Errorf("nothing: %v", err)
	}
	for n := 1; n < len(whole); n++ {
		if _, _, err := parse(whole[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

// FuzzRequest holds the parser against net/http's: what ours takes, the other takes the same way.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: x\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
		"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "GET / HTTP/1.0\r\n\r\n", "\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, body, err := parse(string(in))
		if err != nil {
			return
		}
		theirs, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(in))))
		if err != nil {
			return // stricter than ours about hosts, escapes and the like
		}
		b, err := io.ReadAll(theirs.Body)
		if err != nil || r.Method != theirs.Method || string(b) != string(body) {
			t.Errorf("ours %s %q; net/http's %s %q, %v", r.Method, body, theirs.Method, b, err)
		}
	})
}
