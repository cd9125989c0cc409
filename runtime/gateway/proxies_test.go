package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

func TestWhoCallsThroughAProxy(t *testing.T) {
	p, err := ParseProxies([]string{"10.0.0.0/8", "192.0.2.7", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		peer    string
		said    []string
		from    string
		remains string // of X-Forwarded-For
	}{
		"a stranger's word goes":                {"203.0.113.9:1", []string{"127.0.0.1"}, "203.0.113.9:1", ""},
		"a proxy's counts":                      {"10.1.2.3:1", []string{"203.0.113.9"}, "203.0.113.9:0", "203.0.113.9"},
		"what stands before it is the client's": {"10.1.2.3:1", []string{"127.0.0.1, 203.0.113.9"}, "203.0.113.9:0", "203.0.113.9"},
		"in a header of its own":                {"10.1.2.3:1", []string{"127.0.0.1", "203.0.113.9"}, "203.0.113.9:0", "203.0.113.9"},
		"two proxies":                           {"10.1.2.3:1", []string{"127.0.0.1, 203.0.113.9, 10.9.9.9"}, "203.0.113.9:0", "203.0.113.9"},
		"a proxy's own call":                    {"10.1.2.3:1", []string{"10.9.9.9, 10.8.8.8"}, "10.9.9.9:0", "10.9.9.9"},
		"rubbish":                               {"10.1.2.3:1", []string{"127.0.0.1, unknown"}, "10.1.2.3:1", "127.0.0.1, unknown"},
		"rubbish before it":                     {"10.1.2.3:1", []string{"x, 10.9.9.9"}, "10.9.9.9:0", "10.9.9.9"},
		"nothing":                               {"10.1.2.3:1", nil, "10.1.2.3:1", ""},
		"a port":                                {"192.0.2.7:1", []string{"203.0.113.9:77"}, "203.0.113.9:0", "203.0.113.9"},
		"IPv6":                                  {"[fd00::1]:1", []string{"[2001:db8::1]:77"}, "[2001:db8::1]:0", "2001:db8::1"},
		"IPv6 with a zone":                      {"[fd00::1%eth0]:1", []string{"fe80::1%eth0"}, "[fe80::1%eth0]:0", "fe80::1%eth0"},
		"IPv4 within IPv6":                      {"[::ffff:10.1.2.3]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9:0", "203.0.113.9"},
	} {
		var got *http.Request
		h := p.from(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.said != nil {
			r.Header["X-Forwarded-For"] = c.said
		}
		r.Header.Set("X-Forwarded-Proto", "https")
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got.RemoteAddr != c.from || strings.Join(got.Header["X-Forwarded-For"], "|") != c.remains || Secure(got) != !strings.HasPrefix(c.peer, "203.") {
			t.Errorf("%s: from %s, %v, secure %v", name, got.RemoteAddr, got.Header, Secure(got))
		}
	}
	if _, err := ParseProxies([]string{"nginx"}); !errdefs.IsInvalidArgument(err) {
		t.Errorf("%v", err)
	}
}
