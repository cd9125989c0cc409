package outgoing

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// TestClientOfANamedHost: the host may be on loopback, and where it points to may not be, but to itself.
func TestClientOfANamedHost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	trapped := 0
	trap := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trapped++ })}}
	trap.Start()
	defer trap.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, "here")
	}))
	defer srv.Close()
	c := NewClient(&Guard{}, "127.0.0.1")
	defer c.CloseIdleConnections()
	for _, to := range []string{"", srv.URL + "/other"} {
		resp, err := c.Get(srv.URL + "/?to=" + to)
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(resp.Body); string(b) != "here" {
			t.Errorf("%q: %q", to, b)
		}
		resp.Body.Close()
	}
	for _, to := range []string{trap.URL, "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://[::1]:1/"} {
		if resp, err := c.Get(srv.URL + "/?to=" + to); !errdefs.IsPermissionDenied(err) {
			if err == nil {
				resp.Body.Close()
			}
			t.Errorf("%s: %v", to, err)
		}
	}
	if trapped > 0 {
		t.Errorf("the trap was called %d times", trapped)
	}
	if resp, err := NewClient(&Guard{}, "169.254.169.254").Get("http://169.254.169.254/"); !errdefs.IsPermissionDenied(err) {
		if err == nil {
			resp.Body.Close()
		}
		t.Errorf("metadata by its name: %v", err)
	}
}

// TestAProxyOfTheEnvironmentIsNamed: an operator has set it.
func TestAProxyOfTheEnvironmentIsNamed(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://user:pass@proxy.lan:3128")
	t.Setenv("http_proxy", "10.1.1.1:8080")
	if got := strings.Join(proxies(), " "); got != "10.1.1.1 proxy.lan" {
		t.Errorf("%q", got)
	}
}
