package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/videosdgx/videosdgx/internal/porttest"
	"github.com/videosdgx/videosdgx/runtime/gateway/certs/certstest"
)

// secretly is a client over TLS.
func secretly(config *tls.Config) *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	a := certstest.New(t, dir)
	cert, key := a.Issue(t, "server")
	g := newGuarded(t, func(c *Config) { c.TLSCert, c.TLSKey = cert, key })
	ask := func() *http.Response {
		t.Helper()
		c := secretly(&tls.Config{RootCAs: a.Pool()})
		defer c.CloseIdleConnections()
		resp, err := c.Get(g.p.url() + "/api/v1/health")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	resp := ask()
	if !strings.HasPrefix(g.p.url(), "https://") || resp.ProtoMajor != 2 || resp.Header.Get("Strict-Transport-Security") != "max-age=31536000" || resp.StatusCode != 200 {
		t.Errorf("%s %s %v", g.p.url(), resp.Proto, resp.Header)
	}
	before := resp.TLS.PeerCertificates[0].SerialNumber
	a.Issue(t, "server")
	for deadline := time.Now().Add(20 * time.Second); ask().TLS.PeerCertificates[0].SerialNumber.Cmp(before) == 0; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a new certificate is not taken")
		}
	}
	if err := os.WriteFile(cert, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // longer than what was read is trusted
	if resp := ask(); resp.StatusCode != 200 {
		t.Errorf("with a damaged certificate: %s", resp.Status)
	}
	old := secretly(&tls.Config{RootCAs: a.Pool(), MaxVersion: tls.VersionTLS11}) //nolint:gosec // it must be refused
	if _, err := old.Get(g.p.url() + "/api/v1/health"); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

func TestMutualTLS(t *testing.T) {
	a := certstest.New(t, t.TempDir())
	cert, key := a.Issue(t, "server")
	g := newGuarded(t, func(c *Config) { c.TLSCert, c.TLSKey, c.TLSClientCA = cert, key, a.File })
	mine, mineKey := a.Issue(t, "client")
	pair, err := tls.LoadX509KeyPair(mine, mineKey)
	if err != nil {
		t.Fatal(err)
	}
	stranger := certstest.New(t, t.TempDir())
	other, otherKey := stranger.Issue(t, "client")
	wrong, err := tls.LoadX509KeyPair(other, otherKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		show []tls.Certificate
		ok   bool
	}{"of the authority": {[]tls.Certificate{pair}, true}, "none": {nil, false}, "of another": {[]tls.Certificate{wrong}, false}} {
		client := secretly(&tls.Config{RootCAs: a.Pool(), Certificates: c.show})
		resp, err := client.Get(g.p.url() + "/api/v1/health")
		if (err == nil) != c.ok {
			t.Errorf("a certificate %s: %v", name, err)
		}
		if err == nil {
			resp.Body.Close()
		}
		client.CloseIdleConnections()
	}
}

// TestACME gets a certificate of a real ACME authority, Let's Encrypt's own for tests.
func TestACME(t *testing.T) {
	bin := os.Getenv("VIDEOSDGX_TEST_PEBBLE")
	if bin == "" {
		t.Skip("VIDEOSDGX_TEST_PEBBLE names no pebble: go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3")
	}
	dir := t.TempDir()
	a := certstest.New(t, dir)
	cert, key := a.Issue(t, "pebble")
	port, admin, own := porttest.Free(t), porttest.Free(t), porttest.Free(t)
	config := fmt.Sprintf(`{"pebble":{"listenAddress":"127.0.0.1:%s","managementListenAddress":"127.0.0.1:%s","certificate":%q,"privateKey":%q,"httpPort":5002,"tlsPort":%s}}`, port, admin, cert, key, own)
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-config", file, "-dnsserver", here(t))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	g := newGuarded(t, func(c *Config) {
		c.Listen, c.ACME, c.ACMEDirectory, c.ACMECA = "127.0.0.1:"+own, acmeName, "https://127.0.0.1:"+port+"/dir", a.File
	})
	roots := authorityOf(t, "https://127.0.0.1:"+admin+"/roots/0", a.Pool())
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", g.p.addr())
	}}}
	resp, err := client.Get("https://" + acmeName + ":" + own + "/api/v1/health")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var health struct{ Status string }
	if err := json.NewDecoder(resp.Body).Decode(&health); err != nil || health.Status != "ok" || resp.TLS.PeerCertificates[0].DNSNames[0] != acmeName {
		t.Errorf("%+v, %v", health, err)
	}
	if kept, _ := filepath.Glob(filepath.Join(g.p.cfg.Data, "acme", acmeName+"*")); len(kept) == 0 {
		t.Error("the certificate is not kept")
	}
}

const acmeName = "videos.example.test"

// here is a name server, over TCP as pebble asks, that says of every name that it is this machine.
func here(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); answerNames(c) }()
		}
	}()
	return l.Addr().String()
}

// answerNames answers questions of one connection, each with its length before it.
func answerNames(c net.Conn) {
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		buf := make([]byte, binary.BigEndian.Uint16(size[:]))
		var m dnsmessage.Message
		if _, err := io.ReadFull(c, buf); err != nil || m.Unpack(buf) != nil || len(m.Questions) != 1 {
			return
		}
		q := m.Questions[0]
		a := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}, Questions: m.Questions}
		if q.Type == dnsmessage.TypeA {
			a.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
		}
		b, err := a.AppendPack(make([]byte, 2, 512))
		if err != nil {
			return
		}
		binary.BigEndian.PutUint16(b, uint16(len(b)-2))
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

// authorityOf is who vouches for what pebble signs, which it makes anew at each start.
func authorityOf(t *testing.T, url string, of *x509.CertPool) *x509.CertPool {
	t.Helper()
	c := secretly(&tls.Config{RootCAs: of})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		resp, err := c.Get(url)
		if err != nil && time.Now().Before(deadline) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		p := x509.NewCertPool()
		if err != nil || !p.AppendCertsFromPEM(b) {
			t.Fatalf("%s %v", b, err)
		}
		return p
	}
}
