package redis

import (
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway/certs"
	"github.com/videosdgx/videosdgx/runtime/gateway/certs/certstest"
)

// TestMutualTLS is a Redis that asks for certificates, as between machines.
func TestMutualTLS(t *testing.T) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: apt-get install redis-server")
	}
	dir := t.TempDir()
	a := certstest.New(t, dir)
	cert, key := a.Issue(t, "redis")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := exec.Command(bin, "--port", "0", "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", a.File, "--tls-auth-clients", "yes", "--save", "", "--dir", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	mine, mineKey := a.Issue(t, "node")
	secret, err := certs.Client(a.File, mine, mineKey)
	if err != nil {
		t.Fatal(err)
	}
	url := "rediss://127.0.0.1:" + port + "/0"
	s, err := Open(t.Context(), url, "t", secret)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Queued(t.Context()); err != nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	stranger := certstest.New(t, t.TempDir())
	theirs, theirKey := stranger.Issue(t, "node")
	for name, files := range map[string][3]string{"shows none": {a.File}, "shows one of another authority": {a.File, theirs, theirKey}, "trusts another authority": {stranger.File, mine, mineKey}} {
		wrong, err := certs.Client(files[0], files[1], files[2])
		if err != nil {
			t.Fatal(err)
		}
		if s, err := Open(t.Context(), url, "t", wrong); err == nil || !strings.Contains(err.Error(), "lets nobody in") {
			t.Errorf("a node that %s: %v, %v", name, s, err)
		}
	}
	bare, err := certs.Client(a.File, "", "")
	if err != nil {
		t.Fatal(err)
	}
	bare.ServerName = "127.0.0.1"
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := hello(c, bare); err == nil {
		t.Error("Redis takes a client without a certificate")
	}
}

// hello sends a PING over TLS and wants an answer.
func hello(c net.Conn, config *tls.Config) error {
	s := tls.Client(c, config)
	if err := s.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := s.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	_, err := s.Read(make([]byte, 16))
	return err
}
