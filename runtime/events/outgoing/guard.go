package outgoing

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
)

// Guard says which addresses may be called. Safe for concurrent use. The zero Guard lets through public addresses alone.
type Guard struct {
	listed []netip.Prefix
	names  map[string]bool
	own    func() []netip.Addr // this machine's addresses; nil: asked of the system
}

// NewGuard makes a Guard that also lets through what is listed, by commas: addresses, prefixes (10.0.0.0/8), and names of
// hosts, which may then be on private addresses. What is never called cannot be listed. InvalidArgument for anything else.
func NewGuard(listed string) (*Guard, error) {
	g := &Guard{names: map[string]bool{}}
	for item := range strings.SplitSeq(listed, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		if err := g.list(item); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g *Guard) list(item string) error {
	if p, err := netip.ParsePrefix(item); err == nil {
		g.listed = append(g.listed, p.Masked())
		return nil
	}
	if a, err := netip.ParseAddr(item); err == nil {
		if classify(a) == never {
			return fmt.Errorf("outgoing lists %s, which is never called: link-local, multicast and metadata addresses cannot be listed: %w", item, errdefs.ErrInvalidArgument)
		}
		a = a.Unmap()
		g.listed = append(g.listed, netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	if strings.ContainsAny(item, "/:@* ") {
		return fmt.Errorf("outgoing lists %q: write addresses (127.0.0.1), prefixes (10.0.0.0/8) or host names, by commas: %w", item, errdefs.ErrInvalidArgument)
	}
	g.names[canonical(item)] = true
	return nil
}

func canonical(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// RefusedError says that an address may not be called. What a name's address is, it does not tell.
type RefusedError struct {
	Host string     // as it was asked for
	Addr netip.Addr // that it is, which the error does not tell: it may be a name of a network's own
	Why  string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s may not be called: %s", e.Host, e.Why)
}

func (e *RefusedError) Unwrap() error { return errdefs.ErrPermissionDenied }

// Check says whether a connection to an address may be made for a host that was asked for.
func (g *Guard) Check(host string, a netip.Addr) error {
	r := classify(a)
	if r == public && g.isOwn(a) {
		r = private
	}
	switch {
	case r == never:
		return &RefusedError{host, a, "it is link-local, multicast, a metadata service or no address"}
	case r == private && !g.isListed(host, a):
		return &RefusedError{host, a, "it is private, loopback or this machine's own; list it in the server's outgoing setting to allow it"}
	}
	return nil
}

func (g *Guard) isListed(host string, a netip.Addr) bool {
	if g.names[canonical(host)] {
		return true
	}
	for _, f := range forms(a) {
		if among(f, g.listed) {
			return true
		}
	}
	return false
}

// isOwn tells whether an address is this machine's, as loopback is: what listens there for itself alone is behind it too.
func (g *Guard) isOwn(a netip.Addr) bool {
	own := g.own
	if own == nil {
		own = interfaces
	}
	for _, mine := range own() {
		for _, f := range forms(a) {
			if f == mine {
				return true
			}
		}
	}
	return false
}

func interfaces() (out []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, n := range all {
		if p, err := netip.ParsePrefix(n.String()); err == nil {
			out = append(out, p.Addr().Unmap().WithZone(""))
		}
	}
	return out
}

// DialContext dials for a client. The check is made on each address as it is about to be connected to: what a name meant
// when it was looked at does not matter.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: 5 * time.Second, ControlContext: func(_ context.Context, _, real string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(real)
		if err != nil {
			return err
		}
		return g.Check(host, a.Addr())
	}}
	d.SetMultipathTCP(false)
	return d.DialContext(ctx, network, address)
}

// CheckURL says what keeps an address from being called, as far as it can be seen before its name is looked up: an address
// that could never be called is refused when it is given, not hours later.
func (g *Guard) CheckURL(address string) error {
	if err := Valid(address); err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	host := u.Hostname()
	if a, err := netip.ParseAddr(host); err == nil {
		return g.Check(host, a)
	}
	if h := canonical(host); h == "localhost" || strings.HasSuffix(h, ".localhost") {
		return g.Check(host, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	return nil
}
