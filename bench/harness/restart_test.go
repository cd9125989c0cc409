package harness

import (
	"os"
	"path/filepath"
	"testing"
)

// A killed server is started again at the same address, on the same data.
func TestKillAndRelaunch(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "serve")
	script := "#!/bin/sh\ntrap 'exit 0' TERM\necho \"listening on http://$3\"\nwhile :; do sleep 0.02; done\n"
	if err := os.WriteFile(bin, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), Options{Binary: bin})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	url, pid := s.URL, s.PID
	if err := s.Relaunch(t.Context()); err == nil {
		t.Error("a running server was started again")
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err == nil {
		t.Error("a dead server was killed")
	}
	if err := s.Relaunch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.URL != url || s.PID == pid {
		t.Errorf("%s %d, then %s %d", url, pid, s.URL, s.PID)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestMemoryOfThisProcess(t *testing.T) {
	rss, err := RSS(os.Getpid())
	if err != nil || rss < 1<<20 {
		t.Fatal(rss, err)
	}
	pss, err := ProcessPSS(os.Getpid())
	if err != nil || pss < 1<<20 || pss > 2*rss {
		t.Fatalf("PSS %d, RSS %d, %v", pss, rss, err)
	}
	if _, err := PSS("no-such-instance"); err == nil {
		t.Error("an instance that is not there has memory")
	}
}
