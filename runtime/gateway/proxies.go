package gateway

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/containerd/errdefs"
)

// Proxies are those in front of the server: what they say of who calls counts, and what anybody else says of it goes.
type Proxies []netip.Prefix

// ParseProxies reads addresses, and prefixes such as 10.0.0.0/8.
func ParseProxies(list []string) (all Proxies, err error) {
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var ip netip.Addr
			if ip, err = netip.ParseAddr(text); err == nil {
				p = netip.PrefixFrom(ip.Unmap().WithZone(""), ip.Unmap().BitLen())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("proxies has %q: write an address or a prefix, such as 10.0.0.7 or 10.0.0.0/8: %w", text, errdefs.ErrInvalidArgument)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

func (p Proxies) trusts(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	for _, prefix := range p {
		if prefix.Contains(ip) {
			return true
		}
	}
	return false
}

// told are headers with which proxies tell of who calls.
var told = []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-User", "X-Real-Ip", "Forwarded"}

type secureContext struct{}

// Secure says whether r's client speaks TLS: with this server, or with a proxy that is trusted.
func Secure(r *http.Request) bool {
	proxied, _ := r.Context().Value(secureContext{}).(bool)
	return r.TLS != nil || proxied
}

// Forwarded says whether r has come by way of a proxy, as far as it says.
func Forwarded(r *http.Request) bool {
	for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via"} {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	return false
}

// from puts the client's address in the place of the proxy's. Without proxies requests stay as they are.
func (p Proxies) from(next http.Handler) http.Handler {
	if len(p) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, known := addressOf(r.RemoteAddr)
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if _, unix := local.(*net.UnixAddr); !unix && (!known || !p.trusts(peer)) {
			for _, name := range told {
				delete(r.Header, name)
			}
			next.ServeHTTP(w, r)
			return
		}
		if r.Header.Get("X-Forwarded-Proto") == "https" {
			r = r.WithContext(context.WithValue(r.Context(), secureContext{}, true))
		}
		if client, ok := p.client(r.Header["X-Forwarded-For"]); ok {
			r.RemoteAddr = net.JoinHostPort(client.String(), "0")
			r.Header["X-Forwarded-For"] = []string{client.String()}
		}
		next.ServeHTTP(w, r)
	})
}

// client is the last address of X-Forwarded-For that is no proxy's: each proxy has written whom it saw behind what was there, and
// what stands before the first stranger is the stranger's own word. false where nothing is said.
func (p Proxies) client(lines []string) (client netip.Addr, ok bool) {
	all := strings.Split(strings.Join(lines, ","), ",")
	for i := len(all) - 1; i >= 0; i-- {
		ip, good := addressOf(strings.TrimSpace(all[i]))
		if !good {
			break
		}
		if client, ok = ip, true; !p.trusts(ip) {
			break
		}
	}
	return client, ok
}

// addressOf reads an address, with a port or without.
func addressOf(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap(), true
	}
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return ip.Unmap(), err == nil
}
