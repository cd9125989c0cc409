package daemon

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"time"

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

// endsSoon is how long before its end the log warns of a certificate.
const endsSoon = 14 * 24 * time.Hour

// watchCertificate tells of the end of the certificate in use. Those of an ACME authority are renewed by themselves.
func (p *plane) watchCertificate() {
	if p.tls == nil || p.cfg.TLSCert == "" {
		return
	}
	p.metrics.WatchTime("videosdgx_certificate_not_after_seconds", "When the certificate in use ends, in seconds since 1970.", p.certificateEnds)
	if at, ok := p.certificateEnds(); ok && time.Until(at) < endsSoon {
		p.log.Warn("the certificate ends soon, or has: callers will refuse it; write another to tlsCert and tlsKey, which serves without a restart", "ends", at.UTC())
	}
}

func (p *plane) certificateEnds() (time.Time, bool) {
	c, err := p.tls.GetConfigForClient(nil)
	if err != nil || len(c.Certificates) == 0 || c.Certificates[0].Leaf == nil {
		return time.Time{}, false
	}
	return c.Certificates[0].Leaf.NotAfter, true
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
