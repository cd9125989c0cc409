package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/videosdgx/videosdgx/runtime/audit"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/auth/token"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/access"
	"github.com/videosdgx/videosdgx/runtime/limits"
)

// openAccess reads who may do what. It refuses to go on where others could reach a server that asks nobody.
func (p *plane) openAccess(context.Context) (err error) {
	if p.proxies, err = gateway.ParseProxies(list(p.cfg.Proxies)); err != nil {
		return err
	}
	if p.apiKeys, err = keys.Open(p.cfg.Keys); err != nil {
		return err
	}
	p.apiKeys.Insist(p.log)
	o := access.Options{Keys: p.apiKeys, Log: p.log, Rate: access.Rate{PerMinute: int(p.cfg.ClientRequests), Rates: limits.NewRates(nil)}}
	if p.cfg.JWKS != "" {
		v, err := token.New(token.Config{JWKS: p.cfg.JWKS, Issuer: p.cfg.JWTIssuer, Audience: p.cfg.JWTAudience, Leeway: p.cfg.JWTLeeway.D(), Get: access.Fetch})
		if err != nil {
			return err
		}
		o.Tokens, p.tokens = v, v
	}
	reached := p.cfg.reached()
	o.Always = reached != "" && !p.cfg.Insecure
	o.All = p.cfg.Audit == "on"
	if p.cfg.Audit != "off" {
		if o.Audit, err = audit.Open(p.dir("audit")); err != nil {
			return err
		}
		p.audit = o.Audit
		p.audit.Lost = func(lines int, err error) {
			p.log.Error("the audit log cannot be written: lines of calls are missing there", "lines", lines, "error", err)
		}
		p.audit.Tell = func(file, head string) { p.log.Info("audit log", "file", file, "head", head) }
	}
	p.access = access.New(o)
	if o.Always && o.Tokens == nil && !p.apiKeys.Any() && p.cfg.AccessKey == "" {
		return fmt.Errorf("%s is reached from other machines, and nobody would be asked who they are: make a key with 'videosdgx keys create NAME --scopes manage --file %s', "+
			"or set jwks, or listen on 127.0.0.1; --insecure opens the server, and so this machine, to whoever reaches it", reached, p.cfg.Keys)
	}
	return nil
}

// mayListen is openAccess's rule for a socket that systemd has opened, whatever listen says.
func (p *plane) mayListen(err error) error {
	if err != nil {
		return err
	}
	if a, ok := p.listener.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() && !p.cfg.Insecure && !p.access.Asks() {
		p.access.Always = true
		return errors.Join(fmt.Errorf("the socket %s of systemd is reached from other machines, and nobody would be asked who they are: make a key with 'videosdgx keys create NAME --scopes manage --file %s'", a, p.cfg.Keys), p.listener.Close())
	}
	return nil
}

// reached names the first address that other machines reach; "" when there is none.
func (c Config) reached() string {
	host, _, _ := net.SplitHostPort(c.Listen) // Validate has checked it
	switch {
	case !loopback(host):
		return "listen " + c.Listen
	case c.ModelHost != "none" && !loopback(c.ModelHost):
		return "modelHost " + c.ModelHost
	}
	return ""
}

// loopback says whether a host is this machine alone. A name other than localhost may be anything.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// sayWho says at the start who may use a listener.
func (p *plane) sayWho(addr net.Addr) {
	a, tcp := addr.(*net.TCPAddr)
	switch {
	case p.access.Asks():
		p.log.Info("callers must say who they are", "address", addr.String())
	case tcp && a.IP.IsLoopback():
		p.log.Info("open to every user of this machine: nobody is asked who they are until there is a key; 'videosdgx keys create' makes one", "address", addr.String())
	case tcp:
		p.log.Warn("ANYBODY WHO REACHES THIS ADDRESS CONTROLS THIS SERVER AND CAN RUN PROGRAMS ON THIS MACHINE: it asks nobody who they are. "+
			"Make a key with 'videosdgx keys create', listen on 127.0.0.1, or put a proxy with authentication in front", "address", addr.String())
	}
}

// rated holds calls of a function to its requestLimit.
func (p *plane) rated() limits.Functions {
	return limits.Functions{Rates: limits.NewRates(nil), Limit: func(ctx context.Context, name, qualifier string) int {
		fn, err := p.registry.Get(ctx, name, qualifier)
		if err != nil {
			return 0 // whoever invokes it says so
		}
		return fn.RequestLimit
	}}
}

func (p *plane) closeAccess(context.Context) error {
	if p.audit == nil {
		return nil
	}
	return p.audit.Close()
}
