package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// hosts are the names under which a server answers. Whoever owns a name can have it point anywhere, also at its readers'
// own machines: a page of that name would have this server's origin (DNS rebinding). So only names that nobody else can
// point here are served, the addresses that the connection came to, and what the configuration names.
type hosts struct {
	any   bool
	names map[string]bool // each with its *.fn.NAME
	wild  []string        // ".example.com", of "*.example.com"
}

func newHosts(configured []string) hosts {
	h := hosts{names: map[string]bool{"localhost": true}}
	for _, name := range configured {
		name = plainName(name)
		switch tail, wild := strings.CutPrefix(name, "*"); {
		case name == "*":
			h.any = true
		case wild:
			h.wild = append(h.wild, tail)
		default:
			h.names[name] = true
		}
	}
	return h
}

// plainName is a name as it is compared: lower case, without the root's dot.
func plainName(s string) string { return strings.TrimSuffix(strings.ToLower(s), ".") }

// serves says whether a request names a host of this server.
func (h hosts) serves(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if _, unix := local.(*net.UnixAddr); unix || h.any {
		return true // no page reaches a socket in the file system
	}
	if r.Host == "" && !r.ProtoAtLeast(1, 1) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return true // HTTP/1.0 needs no Host, and health checks of load balancers send none; what a page reads always names one
	}
	name := hostName(r.Host)
	if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return h.names[name] || ours(ip.Unmap(), local)
	}
	return h.served(plainName(name))
}

func (h hosts) served(name string) bool {
	if h.names[name] {
		return true
	}
	if fn, of, ok := strings.Cut(name, ".fn."); ok && h.names[of] {
		return fn != "" && !strings.Contains(fn, ".") // a function's: the server's own API has no other names there
	}
	for _, tail := range h.wild {
		if strings.HasSuffix(name, tail) && len(name) > len(tail) {
			return true
		}
	}
	return false
}

// hostName is a Host header without its port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// ours says whether an address is the one that a connection came to. To a loopback address, any of them will do.
func ours(ip netip.Addr, local net.Addr) bool {
	to, ok := local.(*net.TCPAddr)
	if !ok {
		return ip.IsLoopback()
	}
	here := to.AddrPort().Addr().Unmap().WithZone("")
	return ip.WithZone("") == here || ip.IsLoopback() && here.IsLoopback()
}

// served is h.serves, which is looked up once for the requests of a connection that name the same host.
func (k *connection) served(h hosts, r *http.Request) bool {
	if k == nil || r.Host == "" {
		return h.serves(r)
	}
	if known := k.host.Load(); known != nil && *known == r.Host {
		return true
	}
	ok := h.serves(r)
	if ok {
		host := r.Host
		k.host.Store(&host)
	}
	return ok
}

// named refuses what asks for a host of another name.
func named(configured []string, next http.Handler) http.Handler {
	h := newHosts(configured)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !connectionOf(r).served(h, r) {
			refuse(w, r, Problem{Status: http.StatusMisdirectedRequest, Type: "MisdirectedRequestException", Message: fmt.Sprintf(
				"this server does not answer to the host name %q: ask for localhost or its address, or start it with --hosts and that name", hostName(r.Host))})
			return
		}
		next.ServeHTTP(w, r)
	})
}
