package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/internal/logtest"
)

// patience bounds every wait; on a busy machine things take their time.
const patience = 60 * time.Second

// server is one `videosdgx serve` process.
type server struct {
	t     *testing.T
	home  *home
	cmd   *exec.Cmd
	url   string
	log   *logtest.Log
	ended chan struct{}
}

// launch starts a process without waiting for it to take requests.
func (h *home) launch(t *testing.T, args ...string) (*server, <-chan string) {
	t.Helper()
	base := []string{"serve", "--listen", "127.0.0.1:0", "--model-host", "none", "--data", h.data, "--driver", h.driver, "--containerd", "private"}
	s := &server{t: t, home: h, log: &logtest.Log{}, ended: make(chan struct{})}
	s.cmd = exec.Command(filepath.Join(need(t, programs), "videosdgx"), append(base, args...)...)
	s.cmd.Stderr, s.cmd.Env = s.log, append(clean(os.Environ()), h.env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		defer close(s.ended)
		for l := bufio.NewScanner(out); l.Scan(); {
			if url, ok := strings.CutPrefix(l.Text(), "listening on "); ok {
				ready <- url
			}
		}
		_ = s.cmd.Wait() // its status is in ProcessState
	}()
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("log of the server:\n%s", lastOf(s.log.String(), 6000))
		}
	})
	return s, ready
}

// serve starts a process and waits until it takes requests.
func (h *home) serve(t *testing.T, args ...string) *server {
	t.Helper()
	s, ready := h.launch(t, args...)
	select {
	case s.url = <-ready:
	case <-s.ended:
		t.Fatalf("the server ended: %v\n%s", s.cmd.ProcessState, s.log)
	case <-time.After(patience):
		t.Fatalf("the server does not take requests\n%s", s.log)
	}
	return s
}

// refuses starts a process that must end by itself, and gives what it said last.
func (h *home) refuses(t *testing.T, args ...string) string {
	t.Helper()
	s, ready := h.launch(t, args...)
	select {
	case <-s.ended:
	case url := <-ready:
		t.Fatalf("serves at %s", url)
	case <-time.After(patience):
		t.Fatal("neither serves nor ends")
	}
	if s.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("ended with %v", s.cmd.ProcessState)
	}
	lines := strings.Split(strings.TrimSpace(s.log.String()), "\n")
	return lines[len(lines)-1]
}

// stop asks the process to end and waits for it. It may be called twice.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Errorf("does not stop on SIGTERM:\n%s", s.log)
		s.kill()
	}
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// clean takes what configures the program out of an environment, but for where its parts are.
func clean(env []string) []string {
	var out []string
	for _, e := range env {
		if name, _, _ := strings.Cut(e, "="); !strings.HasPrefix(name, "VIDEOSDGX_") || name == "VIDEOSDGX_ORT_LIB" || name == "VIDEOSDGX_CRIU" || name == "VIDEOSDGX_PREFIX" {
			out = append(out, e)
		}
	}
	return out
}

func lastOf(s string, n int) string { return s[max(0, len(s)-n):] }
