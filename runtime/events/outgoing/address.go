package outgoing

import (
	"encoding/binary"
	"net/netip"
)

// reach is who is behind an address; the higher, the less it may be called.
type reach int

const (
	public reach = iota
	private
	never
)

// metadata are the addresses from which clouds hand credentials to whoever asks, beside the link-local ones.
var metadata = prefixes(
	"fd00:ec2::/32",      // AWS, over IPv6
	"fd20:ce::/32",       // Google Cloud, over IPv6
	"fd00:c1::/32",       // Oracle Cloud, over IPv6
	"fd00:42::/32",       // Scaleway, over IPv6
	"100.100.100.200/32", // Alibaba Cloud
	"168.63.129.16/32",   // Azure's host
	"192.0.0.192/32",     // Oracle Cloud
)

// closed are the prefixes that are of no use beyond a machine or a network: IANA's special-purpose registries.
var closed = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"::1/128", "64:ff9b:1::/48", "100::/64", "2001:2::/48", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fec0::/10",
)

// unusable are those that are nobody's: no connection can be meant.
var unusable = prefixes("0.0.0.0/32", "::/128", "224.0.0.0/4", "240.0.0.0/4", "ff00::/8", "169.254.0.0/16", "fe80::/10")

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

func among(a netip.Addr, ps []netip.Prefix) bool {
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// forms are an address and every IPv4 address that it may be a wrapping of. A translator or relay on the way decides
// whether it is; who may be called must not depend on that.
func forms(a netip.Addr) []netip.Addr {
	a = a.Unmap().WithZone("")
	out := []netip.Addr{a}
	if a.Is4() {
		return out
	}
	b := a.As16()
	for _, w := range wrappings {
		if w.prefix.Contains(a) {
			out = append(out, w.inner(b))
		}
	}
	if id := binary.BigEndian.Uint32(b[8:12]); id&^0x02000000 == 0x00005efe { // ISATAP, RFC 5214
		out = append(out, last(b))
	}
	return out
}

// wrappings are the forms of IPv6 with an IPv4 address inside.
var wrappings = []struct {
	prefix netip.Prefix
	inner  func(b [16]byte) netip.Addr
}{
	{netip.MustParsePrefix("::/96"), last},             // IPv4-compatible, RFC 4291
	{netip.MustParsePrefix("::ffff:0:0:0/96"), last},   // IPv4-translated, RFC 2765
	{netip.MustParsePrefix("64:ff9b::/96"), last},      // NAT64, RFC 6052
	{netip.MustParsePrefix("64:ff9b:1::/48"), last},    // NAT64 of a network's own, RFC 8215, as a /96
	{netip.MustParsePrefix("64:ff9b:1::/48"), after48}, // and as a /48
	{netip.MustParsePrefix("2002::/16"), at(2)},        // 6to4, RFC 3056
	{netip.MustParsePrefix("2001::/32"), at(4)},        // Teredo's server, RFC 4380
	{netip.MustParsePrefix("2001::/32"), teredo},       // and its client
}

func at(i int) func([16]byte) netip.Addr {
	return func(b [16]byte) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
}

func last(b [16]byte) netip.Addr { return at(12)(b) }

// after48 is RFC 6052's form for a prefix of 48 bits: the octet in the middle is skipped.
func after48(b [16]byte) netip.Addr { return netip.AddrFrom4([4]byte{b[6], b[7], b[9], b[10]}) }

// teredo's client is written with every bit turned over.
func teredo(b [16]byte) netip.Addr {
	return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})
}

// classify is the worst that an address may be.
func classify(a netip.Addr) reach {
	worst := public
	for _, f := range forms(a) {
		switch {
		case among(f, unusable), among(f, metadata):
			return never
		case among(f, closed), f.IsPrivate(), f.IsLoopback():
			worst = private
		}
	}
	return worst
}
