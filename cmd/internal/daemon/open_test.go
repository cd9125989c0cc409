package daemon

import (
	"bytes"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/gateway/access"
)

// TestAnOpenListenerIsWarnedOf: whoever reaches it from elsewhere controls the machine; who is on it already does not.
func TestAnOpenListenerIsWarnedOf(t *testing.T) {
	tcp := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 9000} }
	store, err := keys.Open(filepath.Join(t.TempDir(), "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	said := func(addr net.Addr) string {
		var log bytes.Buffer
		p := &plane{log: slog.New(slog.NewTextHandler(&log, nil)), access: access.New(access.Options{Keys: store})}
		p.sayWho(addr)
		return log.String()
	}
	for _, c := range []struct {
		addr net.Addr
		open bool
	}{
		{tcp("127.0.0.1"), false}, {tcp("127.8.9.1"), false}, {tcp("::1"), false}, {tcp("::ffff:127.0.0.1"), false},
		{&net.UnixAddr{Name: "/run/v.sock", Net: "unix"}, false},
		{tcp("0.0.0.0"), true}, {tcp("::"), true}, {tcp("192.168.1.7"), true}, {tcp("fe80::1"), true}, {&net.TCPAddr{Port: 9000}, true},
	} {
		log := said(c.addr)
		warned := strings.Contains(log, "level=WARN") && strings.Contains(log, "CONTROLS THIS SERVER") && strings.Contains(log, c.addr.String())
		if warned != c.open || !c.open && strings.Contains(log, "WARN") {
			t.Errorf("%s: %s", c.addr, log)
		}
		if _, unix := c.addr.(*net.UnixAddr); !c.open && !unix && !strings.Contains(log, "open to every user of this machine") {
			t.Errorf("%s is open and does not say so: %s", c.addr, log)
		}
	}
	if _, _, err := store.Create(keys.Wish{Name: "a", Scopes: auth.Manage}); err != nil {
		t.Fatal(err)
	}
	if log := said(tcp("0.0.0.0")); strings.Contains(log, "WARN") || !strings.Contains(log, "must say who they are") {
		t.Errorf("%s", log)
	}
}
