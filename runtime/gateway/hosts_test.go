package gateway_test

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// ask sends a request for a host, with headers in pairs, and gives the status and the answer.
func ask(t *testing.T, c *http.Client, method, url, host string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestOnlyTheServersOwnNamesAreServed(t *testing.T) {
	_, addr := serve(t, gateway.Options{Hosts: []string{"Studio.lan", "*.video.example"}}, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := net.SplitHostPort(addr)
	for host, want := range map[string]int{
		addr: 200, "127.0.0.1": 200, "127.0.0.9:80": 200, "[::1]:" + port: 200, "[::ffff:127.0.0.1]": 200,
		"localhost": 200, "LOCALHOST:" + port: 200, "localhost.:" + port: 200, "echo.fn.localhost:" + port: 200, "a.echo.fn.localhost": 421, ".fn.localhost:" + port: 421, "a.fn.b.fn.localhost": 421,
		"studio.lan": 200, "STUDIO.LAN.:1": 200, "echo.fn.studio.lan": 200, "a.video.example": 200, "a.b.video.example": 200,

		"evil.example:" + port: 421, "localhost.evil.example": 421, "evil-localhost": 421, "fn.localhost.evil.example": 421, "echo.fn.evil.example": 421,
		"127.0.0.1.nip.io": 421, "10.0.0.1": 421, "[fd00::1]:" + port: 421, "0.0.0.0:" + port: 421, "169.254.169.254": 421, "2130706433": 421, "0x7f.1": 421,
		"video.example": 421, "xvideo.example": 421, "studio.lan.evil.example": 421, "evilstudio.lan": 421, "xn--localhost-": 421,
	} {
		resp, body := ask(t, http.DefaultClient, "POST", "http://"+addr+"/x", host)
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, resp.StatusCode, want)
		}
		if want == 421 && !strings.Contains(body, "--hosts") {
			t.Errorf("%s: %s does not say the next step", host, body)
		}
	}
	// No name at all, and one in the request line that the Host header hides.
	// What only reads may be of HTTP/1.0 and without: so ask the health checks of load balancers. (405: /x is for
	// POST, which the server says to whom it serves.)
	for head, want := range map[string]string{
		"POST /x HTTP/1.0\r\n\r\n": "421", "POST /x HTTP/1.1\r\nHost:\r\n\r\n": "421", "POST http://evil.example/x HTTP/1.1\r\nHost: localhost\r\n\r\n": "421",
		"GET /x HTTP/1.0\r\n\r\n": "405", "HEAD /x HTTP/1.0\r\n\r\n": "405", "GET /x HTTP/1.1\r\nHost:\r\n\r\n": "421", "GET http://evil.example/x HTTP/1.0\r\n\r\n": "421",
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, head)
		b := make([]byte, 12)
		if _, err := io.ReadFull(c, b); err != nil || string(b[9:]) != want {
			t.Errorf("%q: %q, %v, want %s", head, b, err, want)
		}
		c.Close()
	}
}

// TestASocketHasNoNames: no page reaches it, so that any Host will do.
func TestASocketHasNoNames(t *testing.T) {
	s := gateway.New(gateway.Options{Routes: []gateway.Routes{gateway.Mount{Pattern: "/x", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}}})
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	tr := &http.Transport{Dial: func(string, string) (net.Conn, error) { return net.Dial("unix", path) }}
	if resp, _ := ask(t, &http.Client{Transport: tr}, "GET", "http://unix/x", "docker"); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	tr.CloseIdleConnections()
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPagesOfFunctionsAreRefused(t *testing.T) {
	_, addr := serve(t, gateway.Options{}, func(http.ResponseWriter, *http.Request) {})
	own := "http://" + addr
	for _, c := range []struct {
		referer, mode string
		want          int
	}{
		{own + "/", "cors", 200}, {own + "/jobs", "cors", 200}, {"", "cors", 200},
		{own + "/fn/evil/", "cors", 403}, {own + "/fn/evil:1/a?b", "navigate", 403}, {own + "/v1/jobs/1/download?inline=true", "cors", 403},
		{own + "/v1/models/m/jobs/1/download", "cors", 403}, {"http://evil.fn.localhost:9000/", "cors", 403}, {"http://%zz", "cors", 403},
	} {
		resp, _ := ask(t, http.DefaultClient, "POST", own+"/x", "", "Referer", c.referer, "Origin", own, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", c.mode)
		if resp.StatusCode != c.want {
			t.Errorf("%+v: %d", c, resp.StatusCode)
		}
		if c.want == 200 && (resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cross-Origin-Resource-Policy") != "same-origin") {
			t.Errorf("%v", resp.Header)
		}
	}
	resp, _ := ask(t, http.DefaultClient, "POST", own+"/x", "", "Origin", "http://evil.fn.localhost:9000", "Sec-Fetch-Site", "same-site")
	if resp.StatusCode != 403 {
		t.Error(resp.Status)
	}
}
