package certs_test

import (
	"crypto/tls"
	"log/slog"
	"net"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway/certs"
	"github.com/videosdgx/videosdgx/runtime/gateway/certs/certstest"
)

// TestProtocols: clients of HTTP/1.0 say so in TLS too (curl --http1.0), and whoever offers more gets the newest.
func TestProtocols(t *testing.T) {
	a := certstest.New(t, t.TempDir())
	cert, key := a.Issue(t, "localhost")
	config, err := certs.Server(certs.Files{Cert: cert, Key: key}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		offers []string
		want   string
	}{
		{[]string{"http/1.0"}, "http/1.0"}, {[]string{"http/1.0", "http/1.1"}, "http/1.1"}, {[]string{"http/1.1", "h2"}, "h2"}, {nil, ""},
	} {
		here, there := net.Pipe()
		go tls.Server(there, config).Handshake() //nolint:errcheck // the client sees it
		client := tls.Client(here, &tls.Config{RootCAs: a.Pool(), ServerName: "localhost", NextProtos: c.offers})
		if err := client.Handshake(); err != nil {
			t.Errorf("%v: %v", c.offers, err)
		} else if got := client.ConnectionState().NegotiatedProtocol; got != c.want {
			t.Errorf("%v: %q, want %q", c.offers, got, c.want)
		}
		here.Close()
	}
}
