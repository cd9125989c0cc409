package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// server is the demo's own videosdgx serve.
type server struct {
	cmd    *exec.Cmd
	client *client.Client
	done   chan error
}

// stopTime is what an orderly stop may take before it is a kill.
const stopTime = 30 * time.Second

// serve starts the server on a free port and waits until it takes requests.
func (d *demo) serve(ctx context.Context) (*server, error) {
	log := filepath.Join(d.Data, "serve.log")
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cmd := exec.CommandContext(ctx, d.exe, "serve", "--listen", "127.0.0.1:0", "--model-host", "none",
		"--data", d.Data, "--functions", filepath.Join(d.Data, "functions"), "--driver", d.Driver)
	cmd.Stderr = f
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTime
	// a Ctrl-C in the terminal reaches the demo alone, which then stops the server in order
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := d.step("starting the runtime", func() error { return cmd.Start() }); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, done: make(chan error, 1)}
	ready := make(chan string, 1)
	go func() {
		defer close(ready)
		for l := bufio.NewScanner(out); l.Scan(); {
			if url, ok := strings.CutPrefix(l.Text(), "listening on "); ok {
				ready <- url
			}
		}
		_, _ = io.Copy(io.Discard, out) // its end is the process's, which Wait tells
		s.done <- cmd.Wait()
	}()
	url := ""
	select {
	case url = <-ready:
	case <-ctx.Done():
	}
	if s.client, err = client.New(client.Options{Server: url}); err != nil || url == "" {
		s.stop()
		return nil, errors.Join(ctx.Err(), fmt.Errorf("the server did not start; its log says:\n%s", tail(log)))
	}
	return s, nil
}

// stop ends the server in order, or hard when that takes too long. It may be called twice.
func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		s.done <- err
	case <-time.After(stopTime):
		s.cmd.Process.Kill()
	}
}

func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}
