package daemon

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSystemdHears is the side of systemd: readiness, signs of life as often as the unit wants, and the stop.
func TestSystemdHears(t *testing.T) {
	g := newGuarded(t)
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "300000")
	stop := g.p.tellSystemd()
	hear := func() string {
		t.Helper()
		buf := make([]byte, 512)
		if err := l.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := l.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	said := []string{hear(), hear(), hear()}
	stop()
	for last := ""; last != "STOPPING=1"; {
		last = hear()
	}
	if got := strings.Join(said, " "); got != "READY=1 WATCHDOG=1 WATCHDOG=1" {
		t.Errorf("%s", got)
	}
}
