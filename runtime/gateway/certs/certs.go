// Package certs makes TLS configurations of certificates in files, which it reads again when they change, or of an ACME
// authority, such as Let's Encrypt, which it asks for them.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// Files are a certificate and its key, and whose clients' certificates are asked for.
type Files struct {
	Cert, Key string // PEM
	ClientCA  string // PEM: clients must show a certificate that one of these has signed; "": they need none
}

// fresh is for how long what was read is trusted.
const fresh = time.Second

// loaded is what was read of some files.
type loaded struct {
	files Files
	log   *slog.Logger

	mu      sync.Mutex
	config  *tls.Config
	seen    []fs.FileInfo
	checked time.Time
}

// protocols are those that HTTP is spoken in. A client that names only others is sent away (RFC 7301, 3.2).
var protocols = []string{"h2", "http/1.1", "http/1.0"}

// Server is the configuration of a server. Changed files serve the next handshake, a second later at most; what cannot be
// read then is told in the log, and the certificate before goes on.
func Server(f Files, log *slog.Logger) (*tls.Config, error) {
	l := &loaded{files: f, log: log}
	if err := l.load(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return l.current(), nil }}, nil
}

func (l *loaded) current() *tls.Config {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.checked) < fresh || !l.changed() {
		return l.config
	}
	if err := l.read(); err != nil {
		l.log.Error("the certificate has changed and cannot be read: the one before goes on", "error", err)
	} else {
		l.log.Info("the certificate has been read again", "file", l.files.Cert)
	}
	return l.config
}

func (l *loaded) load() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed()
	return l.read()
}

// changed looks whether the files are others than before.
func (l *loaded) changed() bool {
	l.checked = time.Now()
	var now []fs.FileInfo
	for _, name := range []string{l.files.Cert, l.files.Key, l.files.ClientCA} {
		st, err := os.Stat(name)
		if err != nil {
			st = nil
		}
		now = append(now, st)
	}
	was := l.seen
	l.seen = now
	for i := range now {
		if was == nil || (now[i] == nil) != (was[i] == nil) || now[i] != nil && (!os.SameFile(now[i], was[i]) || !now[i].ModTime().Equal(was[i].ModTime()) || now[i].Size() != was[i].Size()) {
			return true
		}
	}
	return false
}

func (l *loaded) read() error {
	pair, err := tls.LoadX509KeyPair(l.files.Cert, l.files.Key)
	if err != nil {
		return fmt.Errorf("cannot use the certificate %s with the key %s: %w: %w", l.files.Cert, l.files.Key, err, errdefs.ErrInvalidArgument)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, Certificates: []tls.Certificate{pair}}
	if l.files.ClientCA != "" {
		if c.ClientCAs, err = pool(l.files.ClientCA); err != nil {
			return err
		}
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	l.config = c
	return nil
}

func pool(file string) (*x509.CertPool, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the authorities: %w", err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s has no certificate in PEM: %w", file, errdefs.ErrInvalidArgument)
	}
	return p, nil
}

// Client is the configuration of a client of a server that shows a certificate of ca ("": the system's authorities), and
// that is shown cert and key ("": none).
func Client(ca, cert, key string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	var err error
	if ca != "" {
		if c.RootCAs, err = pool(ca); err != nil {
			return nil, err
		}
	}
	if cert == "" {
		return c, nil
	}
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		return nil, fmt.Errorf("cannot use the certificate %s with the key %s: %w: %w", cert, key, err, errdefs.ErrInvalidArgument)
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { // read anew: it may have been renewed
		pair, err := tls.LoadX509KeyPair(cert, key)
		return &pair, err
	}
	return c, nil
}

// ACME says of whom certificates are asked, and for which names.
type ACME struct {
	Names     []string
	Directory string // of the authority; "": Let's Encrypt
	CA        string // PEM of who vouches for the directory itself; "": the system's
	Email     string // for the authority
	Cache     string // folder of account and certificates
	Log       *slog.Logger
}

// Server is the configuration of a server whose certificates an authority gives: it proves its names on this same port
// (TLS-ALPN-01), gets a certificate with the first handshake that needs one, and renews it before it ends.
func (a ACME) Server() (*tls.Config, error) {
	if len(a.Names) == 0 {
		return nil, errors.New("acme needs the names that certificates are for")
	}
	for _, name := range a.Names {
		if !strings.Contains(strings.Trim(name, "."), ".") {
			return nil, fmt.Errorf("acme names %q: no authority gives certificates for names without a dot: %w", name, errdefs.ErrInvalidArgument)
		}
	}
	config, err := Client(a.CA, "", "")
	if err != nil {
		return nil, err
	}
	client := &acme.Client{DirectoryURL: a.Directory, UserAgent: "videosdgx"}
	client.HTTPClient = &http.Client{Timeout: 30 * time.Second, Transport: &orders{at: map[string]string{}, RoundTripper: &http.Transport{
		TLSClientConfig: config, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: 30 * time.Second}}}
	if err := os.MkdirAll(a.Cache, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of certificates: %w", err)
	}
	m := &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(a.Cache), HostPolicy: autocert.HostWhitelist(a.Names...), Client: client, Email: a.Email}
	c := m.TLSConfig() // with the protocol of the challenge
	c.MinVersion = tls.VersionTLS12
	c.GetCertificate = a.told(c.GetCertificate)
	return c, nil
}

// tellEvery is how often the log hears that there is no certificate.
const tellEvery = 10 * time.Second

// told tells the log why a name has no certificate; strangers who ask for other names are not worth a line.
func (a ACME) told(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var mu sync.Mutex
	var last time.Time
	return func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := get(h)
		if err == nil || !slices.Contains(a.Names, h.ServerName) {
			return c, err
		}
		mu.Lock()
		defer mu.Unlock()
		if time.Since(last) > tellEvery {
			last = time.Now()
			a.Log.Error("the ACME authority gives no certificate", "name", h.ServerName, "error", err)
		}
		return c, err
	}
}
