package daemon

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
)

// TestAnOpenListenerIsWarnedOf: whoever reaches it from elsewhere controls the machine; who is on it already does not.
func TestAnOpenListenerIsWarnedOf(t *testing.T) {
	tcp := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 9000} }
	for _, c := range []struct {
		addr net.Addr
		open bool
	}{
		{tcp("127.0.0.1"), false}, {tcp("127.8.9.1"), false}, {tcp("::1"), false}, {tcp("::ffff:127.0.0.1"), false},
		{&net.UnixAddr{Name: "/run/v.sock", Net: "unix"}, false},
		{tcp("0.0.0.0"), true}, {tcp("::"), true}, {tcp("192.168.1.7"), true}, {tcp("fe80::1"), true}, {&net.TCPAddr{Port: 9000}, true},
	} {
		var log bytes.Buffer
		p := &plane{log: slog.New(slog.NewTextHandler(&log, nil))}
		p.warnOpen(c.addr)
		said := strings.Contains(log.String(), "level=WARN") && strings.Contains(log.String(), "CONTROLS THIS SERVER") && strings.Contains(log.String(), c.addr.String())
		if said != c.open || !c.open && log.Len() > 0 {
			t.Errorf("%s: %s", c.addr, log.String())
		}
	}
}
