package framing

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

const post = "POST / HTTP/1.1\r\nHost: a\r\n"

func TestPass(t *testing.T) {
	for text, bad := range map[string]string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n":                                                                     "",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n":                                               "",
		"\r\nGET / HTTP/1.1\r\n":                                                                                "empty line",
		post + "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n":                                                  "",
		post + "Content-Length: 3\r\n\r\na\nbGET / HTTP/1.1\r\nHost: a\r\n\r\n":                                 "",
		post + "Transfer-Encoding: Chunked \r\n\r\n3;a=\"b\"\r\n\n\n\n\r\n0 ;x\r\nX: y\r\n\r\n" + post + "\r\n": "",
		post + "Transfer-Encoding: gzip\r\n\r\n\n\n\n":                                                          "but chunked",
		post + "Expect: 100-Continue\r\n\r\n":                                                                   "",
		post + "Expect: 100-continue, 100-Continue\r\n\r\n":                                                     "",
		post + "Expect:\t,100-continue ,\r\n\r\n":                                                               "",
		post + "Expect: ,\r\n\r\n":                                                                              "100-continue",
		post + "Expect: 100-continue, x\r\n\r\n":                                                                "100-continue",
		post + "Expect: miracles\r\n\r\n":                                                                       "100-continue",
		"POST / HTTP/1.1\r\nX: y\r\n\r\n":                                                                       "no host",
		"POST / HTTP/1.1\r\nHost: a b\r\n\r\n":                                                                  "name of a host",
		"POST / HTTP/1.1\r\nHost:\r\n\r\n":                                                                      "",
		"CONNECT a:1 HTTP/1.1\r\n\r\n":                                                                          "",
		"GET / HTTP/1.0\r\n\r\n":                                                                                "",
		"GET / HTTP/2.0\r\n":                                                                                    "HTTP/2.0 is not spoken",
		"GET / HTTP/0.9\r\n":                                                                                    "HTTP/0.9 is not spoken",
		"GET / HTTPS/1.1\r\n":                                                                                   "like GET /path",
		"GET /\r\n":                                                                                             "like GET /path",
		"GET / a HTTP/1.1\r\n":                                                                                  "like GET /path",
		"GET\r\n":                                                                                               "like GET /path",
		"G(T / HTTP/1.1\r\n":                                                                                    "method",
		" / HTTP/1.1\r\n":                                                                                       "method",
		"GET /%zz HTTP/1.1\r\n":                                                                                 `"%zz"`,
		"GET /% HTTP/1.1\r\n":                                                                                   `"%"`,
		"GET /a?%zz HTTP/1.1\r\nHost: a\r\n\r\n":                                                                "", // a query is its reader's
		"GET http://a/%zz HTTP/1.1\r\n":                                                                         `"%zz"`,
		"GET http://a:x/ HTTP/1.1\r\n":                                                                          "port",
		"GET /a\x7f HTTP/1.1\r\n":                                                                               "control",
		"GET  HTTP/1.1 \r\n":                                                                                    "like GET /path",
		"GET a HTTP/1.1\r\n":                                                                                    "address",
		"GET /\xff%20 HTTP/1.1\r\nHost: a\r\n\r\n":                                                              "",
		post + "X(: a\r\n\r\n":                                                                                  "name has a character",
		post + "X: \x01\r\n\r\n":                                                                                "control",
		post + "X: \t\xff \r\n\r\n":                                                                             "",
		post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n":                                        "both",
		post + "Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\n":                                       "both",
		post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n":                                   "several Transfer",
		post + "content-length: 3\r\nCONTENT-LENGTH: 3\r\n\r\n":                                                 "several Content",
		post + "Content-Length: 3, 3\r\n\r\n":                                                                   "no number",
		post + "Content-Length: +3\r\n\r\n":                                                                     "no number",
		post + "Content-Length: \r\n\r\n":                                                                       "no number",
		post + "host: b\r\n\r\n":                                                                                "several Host",
		post + "X: a\r\n b\r\n\r\n":                                                                             "second line",
		post + " X: a\r\n\r\n":                                                                                  "second line",
		post + "X : a\r\n\r\n":                                                                                  "blank",
		post + "X\r\n\r\n":                                                                                      "no name",
		post + ": a\r\n\r\n":                                                                                    "no name",
		post + "X: a\n\r\n":                                                                                     "line feed",
		post + "X: a\r\n\n":                                                                                     "line feed",
		"GET / HTTP/1.1\nHost: a\r\n\r\n":                                                                       "line feed",
		post + "X: a\rTransfer-Encoding: chunked\r\n\r\n":                                                       "carriage",
		post + "X: a\x00\r\n\r\n":                                                                               "zero",
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n":                                                 "for HTTP/1.1",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                                                      "HTTP/2",
		chunked("3\n"):                                                                                          "line feed",
		chunked("3 \r\n"):                                                                                       "hexadecimal",
		chunked("0x3\r\n"):                                                                                      "hexadecimal",
		chunked("-3\r\n"):                                                                                       "hexadecimal",
		chunked("1000000000000003\r\n"):                                                                         "hexadecimal",
		chunked("3;a\x01\r\n"):                                                                                  "control",
		chunked("3;a\rb\r\n"):                                                                                   "carriage",
		chunked("3\r\nabcd\r\n"):                                                                                "longer",
		chunked("3\r\nabc\n0\r\n"):                                                                              "line feed",
		chunked("3;" + strings.Repeat("a", 5000) + "\r\n"):                                                      "1024",
		chunked("1;" + strings.Repeat("a", 1022) + "\r\nx\r\n0\r\n\r\n"):                                        "",
		chunked("1;" + strings.Repeat("a", 1023) + "\r\nx\r\n0\r\n\r\n"):                                        "1024",
		chunked(strings.Repeat("x", 2000) + "\n"):                                                               "1024",
		chunked("1\r\nx" + strings.Repeat("a", 2000) + "\n"):                                                    "longer",
		chunked(strings.Repeat("1;"+strings.Repeat("a", 100)+"\r\nx\r\n", 200)):                                 "16 KiB",
		chunked("0\r\nContent-Length: 3\r\n\r\n"):                                                               "after it",
		chunked("0\r\nX: a\r\n b\r\n\r\n"):                                                                      "second line",
	} {
		for _, step := range []int{1, 7, 1 << 20} { // however it is cut
			got, passed := watch(text, step)
			if (got == "") != (bad == "") || !strings.Contains(got, bad) {
				t.Errorf("%.80q in steps of %d: %q", text, step, got)
			}
			if bad == "" && passed != text || !strings.HasPrefix(text, passed) {
				t.Errorf("%.80q in steps of %d: passed on as %.80q", text, step, passed)
			}
			if _, err := http.ReadRequest(bufio.NewReader(strings.NewReader(passed))); bad == "" && err != nil {
				t.Errorf("%.80q passes, and is no request: %v", text, err)
			}
			if bad != "" && complete(passed) {
				t.Errorf("%.80q in steps of %d: %.80q is a request", text, step, passed)
			}
		}
	}
}

// complete says whether net/http finds a whole request.
func complete(s string) bool {
	req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(s), iotest.ErrReader(io.ErrNoProgress))))
	if err == nil {
		_, err = io.Copy(io.Discard, req.Body)
	}
	return err == nil
}

func chunked(s string) string { return post + "Transfer-Encoding: chunked\r\n\r\n" + s }

func watch(text string, step int) (bad, passed string) {
	var w Watch
	for p := []byte(text); len(p) > 0; p = p[min(step, len(p)):] {
		n, bad := w.Pass(p[:min(step, len(p))])
		passed += string(p[:n])
		if bad != nil {
			return bad.Why, passed
		}
	}
	return "", passed
}

// TestAHeadHasAnEnd: however it is made longer than a MiB, and whatever has come before it; no more of it is kept.
func TestAHeadHasAnEnd(t *testing.T) {
	for name, more := range map[string]string{"a line": strings.Repeat("a", 64<<10), "many lines": strings.Repeat("X: a\r\n", 8<<10)} {
		for _, begin := range []string{post + "X: ", "GET /x"} {
			var w Watch
			var bad *Fault
			w.Pass([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
			sent, passed := 0, 0
			for text := begin; bad == nil && sent < 4<<20; text = more {
				n := 0
				n, bad = w.Pass([]byte(text))
				sent, passed = sent+len(text), passed+n
			}
			if begin == "GET /x" && name == "many lines" { // its first line is told before
				continue
			}
			if bad == nil || bad.Status != http.StatusRequestHeaderFieldsTooLarge || passed > maxHead || cap(w.partial) > 2<<20 || !strings.HasPrefix(bad.Target, "/") {
				t.Errorf("%s after %q: %+v after %d bytes, %d passed", name, begin, bad, sent, passed)
			}
		}
	}
}

// TestAFaultNamesItsRequest, not one before or behind it.
func TestAFaultNamesItsRequest(t *testing.T) {
	for _, step := range []int{1, 7, 1 << 20} {
		for text, want := range map[string]Fault{
			"GET /a HTTP/1.1\r\nHost: a\r\n\r\nHEAD /b?c HTTP/1.1\r\nHost: a b\r\n\r\nGET /d HTTP/1.1\r\n\r\n": {400, "", "HEAD", "/b?c", true},
			"PUT /2015/%zz HTTP/1.1\r\nHost: a\r\n\r\n":                                                        {400, "", "PUT", "/2015/%zz", true},
			"PUT /a HTTP/3.0\r\n": {505, "", "PUT", "/a", true}, post + "Transfer-Encoding: br\r\n\r\n": {501, "", "POST", "/", true},
			post + "Expect: x\r\n\r\n": {417, "", "POST", "/", true}, "a\r\n": {400, "", "a", "", true},
			"GET /" + strings.Repeat("a", 3000) + " HTTP/1.1\r\n\r\n": {400, "", "GET", "/" + strings.Repeat("a", maxKept-5), true},
		} {
			var w Watch
			var got *Fault
			for p := []byte(text); len(p) > 0 && got == nil; p = p[min(step, len(p)):] {
				_, got = w.Pass(p[:min(step, len(p))])
			}
			if got == nil || got.Status != want.Status || got.Method != want.Method || got.Target != want.Target || got.Head != want.Head || got.Why == "" {
				t.Errorf("%.60q in steps of %d: %+v", text, step, got)
			}
		}
	}
}

// FuzzPass: what passes whole is what net/http reads, with the same ends, and however it is cut.
func FuzzPass(f *testing.F) {
	f.Add([]byte(post+"Content-Length: 3\r\n\r\nabc"+chunked("3;a\r\nabc\r\n0\r\nX: y\r\n\r\n")+"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 3)
	f.Add([]byte(chunked("2\r\nab\r\n0\r\n\r\n")+post+"Content-Length: 0\r\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, p []byte, step int) {
		step = max(step, 1)
		bad, passed := watch(string(p), step)
		if whole, all := watch(string(p), len(p)+1); whole != bad {
			t.Fatalf("%q in steps of %d, %q whole", bad, step, whole)
		} else if bad == "" && passed != all {
			t.Fatal("passed on otherwise")
		}
		if bad != "" {
			return
		}
		var w, entire Watch
		entire.Pass(p)
		r := bufio.NewReader(bytes.NewReader(p))
		at := func(rest int) int { return len(p) - rest - r.Buffered() }
		under := bytes.NewReader(p)
		r.Reset(under)
		for {
			from := at(under.Len())
			req, err := http.ReadRequest(r)
			if err != nil {
				if entire.Between() && !errors.Is(err, io.EOF) {
					t.Fatalf("net/http answers %q itself: %v", p, err)
				}
				return
			}
			lines := req.Method == http.MethodPost
			if _, err = io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			for range 2 { // so many lines http.Server passes over
				if next, _ := r.Peek(2); lines && string(next) == "\r\n" {
					_, _ = r.Discard(2)
				}
			}
			w.Pass(p[from:at(under.Len())])
			if w.state != first && w.state != done || len(w.partial) > 0 {
				t.Fatal(fmt.Sprintf("net/http sees a request's end after %d bytes of %q, in state %d", at(under.Len()), p, w.state))
			}
		}
	})
}
