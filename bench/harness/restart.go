package harness

import (
	"context"
	"errors"
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
