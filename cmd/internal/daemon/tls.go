package daemon

import (
	"context"
	"crypto/tls"
	"net"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/certs"
)

// openTLS reads the certificates; without any the server speaks plain HTTP.
func (p *plane) openTLS(context.Context) (err error) {
	switch {
	case p.cfg.TLSCert != "":
		p.tls, err = certs.Server(certs.Files{Cert: p.cfg.TLSCert, Key: p.cfg.TLSKey, ClientCA: p.cfg.TLSClientCA}, p.log)
	case p.cfg.ACME != "":
		a := certs.ACME{Names: list(p.cfg.ACME), Directory: p.cfg.ACMEDirectory, CA: p.cfg.ACMECA, Email: p.cfg.ACMEEmail, Cache: p.dir("acme"), Log: p.log}
		p.tls, err = a.Server()
	default:
		if p.cfg.reached() != "" {
			p.log.Warn("keys, prompts and clips cross the network in the clear: set tlsCert and tlsKey, or acme, or put a proxy with TLS in front", "listen", p.cfg.Listen)
		}
	}
	return err
}

// list takes a setting with commas apart.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// serve serves a listener of TCP.
func (p *plane) serve(s *gateway.Server, l net.Listener) error {
	if p.tls != nil {
		return s.ServeTLS(l, p.tls)
	}
	return s.Serve(l)
}

// url is where the API is.
func (p *plane) url() string {
	if p.tls != nil {
		return "https://" + p.addr()
	}
	return "http://" + p.addr()
}

// queueTLS is how a rediss:// queue is spoken to.
func (p *plane) queueTLS() (*tls.Config, error) {
	return certs.Client(p.cfg.QueueCA, p.cfg.QueueCert, p.cfg.QueueKey)
}
