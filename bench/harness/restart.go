package harness

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Kill ends a server that Start started with SIGKILL, as a crash would, and waits until the process is gone. What it
// started, instances and a private containerd, goes on running.
func (s *Server) Kill() error {
	if s.cmd == nil {
		return errors.New("only a server that the bench has started can be killed")
	}
	if err := s.cmd.Process.Kill(); err != nil {
		return err
	}
	<-s.done
	s.cmd = nil
	return nil
}

// Relaunch starts a killed or halted server again: same data, functions and address.
func (s *Server) Relaunch(ctx context.Context) error {
	if s.cmd != nil || s.temp == "" {
		return errors.New("only a server that was killed or halted can be started again")
	}
	return s.spawn(ctx, strings.TrimPrefix(s.URL, "http://"))
}

// Containerd is the socket of the private containerd that a started server runs as its child.
func (s *Server) Containerd() (socket string, found bool) {
	for pid, parent := range parents() {
		line, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		args := strings.Split(string(line), "\x00")
		if parent == s.PID && s.PID != 0 && len(args) > 2 && filepath.Base(args[0]) == "containerd" && args[1] == "--config" {
			return filepath.Join(filepath.Dir(args[2]), "containerd.sock"), true
		}
	}
	return "", false
}
