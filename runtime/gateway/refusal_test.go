package gateway_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestWhatNobodyCanReadIsAnsweredInTheShapeOfItsAPI: on every kind of listener, also behind a request that is good, and whatever
// net/http would have said of it.
func TestWhatNobodyCanReadIsAnsweredInTheShapeOfItsAPI(t *testing.T) {
	all := doors(t, slog.New(slog.DiscardHandler), func(http.ResponseWriter, *http.Request) {})
	const host, good = "Host: localhost\r\n", "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
	for raw, want := range map[string]struct {
		status      int
		path, words string
	}{
		"GET /v1/jobs/%zz HTTP/1.1\r\n" + host + "\r\n":                         {400, "/v1/jobs/%zz", `"%zz"`},
		"GET http://localhost/v1/%2 HTTP/1.1\r\n" + host + "\r\n":               {400, "/v1/%2", `"%2"`},
		"PUT /2015-03-31/functions/%g1/code?a=b HTTP/1.1\r\n" + host + "\r\n":   {400, "/2015-03-31/functions/%g1/code", `"%g1"`},
		"GET /api/v1/functions HTTP/1.1\r\n\r\n":                                {400, "/api/v1/functions", "send a Host header"},
		"GET /api/v1/functions HTTP/1.1\r\nHost: a b\r\n\r\n":                   {400, "/api/v1/functions", "no name of a host"},
		"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: \"\r\n\r\n": {400, "/2015-03-31/functions/f/invocations", "no name of a host"},
		"G\"T /v1/jobs HTTP/1.1\r\n" + host + "\r\n":                            {400, "/v1/jobs", "method"},
		"GET /v1/jobs HTTP/9.1\r\n" + host + "\r\n":                             {505, "/v1/jobs", "HTTP/1.1 is"},
		"GET /v1/jobs HTTP/x\r\n" + host + "\r\n":                               {400, "/v1/jobs", "GET /path HTTP/1.1"},
		"a\r\n": {400, "", "GET /path HTTP/1.1"},
		"GET /v1/jobs HTTP/1.1\r\n" + host + "X\x01: a\r\n\r\n":                          {400, "/v1/jobs", "name has a character"},
		"GET /v1/jobs HTTP/1.1\r\n" + host + "X: \x02\r\n\r\n":                           {400, "/v1/jobs", "control character"},
		"GET /v1/jobs HTTP/1.1\r\n" + host + "Expect: miracles\r\n\r\n":                  {417, "/v1/jobs", "100-continue"},
		"PUT /v1/uploads HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n":        {501, "/v1/uploads", "chunked"},
		"GET /v1/jobs HTTP/1.1\r\n" + host + "X: " + strings.Repeat("a", 2<<20) + "\r\n": {431, "/v1/jobs", "1 MiB"},
		"GET /v1/" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\n":                        {431, "/v1/" + strings.Repeat("a", 2<<10-len("GET /v1/")), "1 MiB"},
		"GET * HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n":                        {400, "*", "OPTIONS"},
		"CONNECT localhost:80 HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n":         {405, "", "no proxy"},
	} {
		for kind, dial := range all {
			for _, before := range []string{"", good} {
				c, err := dial()
				if err != nil {
					t.Fatal(err)
				}
				go func() { _, _ = io.WriteString(c, before+raw) }() // of what is too long, not all is read
				r := bufio.NewReader(c)
				if before != "" {
					if first, err := http.ReadResponse(r, nil); err != nil || first.StatusCode != http.StatusOK {
						t.Fatalf("%s: %.60q: %v", kind, raw, err)
					}
				}
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatalf("%s: %.60q: %v", kind, raw, err)
				}
				b, err := io.ReadAll(resp.Body)
				c.Close()
				var said struct {
					Status            int
					Instance, Message string
				}
				if err != nil || json.Unmarshal(b, &said) != nil || resp.StatusCode != want.status || !strings.Contains(said.Message, want.words) || !resp.Close || resp.Header.Get("X-Amzn-Requestid") == "" || resp.Header.Get("X-Amzn-Errortype") == "" {
					t.Errorf("%s: %.60q after %.10q: %s %v %s %v", kind, raw, before, resp.Status, resp.Header, b, err)
				}
				form := "application/problem+json"
				if strings.HasPrefix(want.path, "/2015") {
					form = "application/json"
				} else if said.Status != want.status || said.Instance != want.path {
					t.Errorf("%s: %.60q: %s", kind, raw, b)
				}
				if got := resp.Header.Get("Content-Type"); got != form || strconv.Itoa(len(b)) != resp.Header.Get("Content-Length") {
					t.Errorf("%s: %.60q is answered with %d bytes of %s", kind, raw, len(b), got)
				}
			}
		}
	}
}

// TestHeadHasNoBody, also where it cannot be read.
func TestHeadHasNoBody(t *testing.T) {
	for kind, dial := range doors(t, slog.New(slog.DiscardHandler), func(http.ResponseWriter, *http.Request) {}) {
		text := talk(t, dial, "HEAD /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if !strings.HasPrefix(text, "HTTP/1.1 400 ") || !strings.HasSuffix(text, "\r\n\r\n") || !strings.Contains(text, "application/problem+json") {
			t.Errorf("%s: %q", kind, text)
		}
	}
}
