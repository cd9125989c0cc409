package harness

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options say which server a bench talks to. Flags registers them.
type Options struct {
	URL       string   // a running server; "": start one
	Binary    string   // videosdgx; "": build the checkout's
	Driver    string   // containerd, process or auto
	Functions string   // folder of functions the started server loads; "": an empty one
	Args      []string // more arguments for serve
	Env       []string // more environment for serve
	Wrap      []string // a program that runs serve, and its arguments before serve's; it must become serve, not start it
	Log       io.Writer
}

// Flags registers -server, -bin, -driver and -functions, with o's values as defaults.
func (o *Options) Flags(fs *flag.FlagSet) {
	fs.StringVar(&o.URL, "server", o.URL, "address of a running server; empty: start one")
	fs.StringVar(&o.Binary, "bin", o.Binary, "videosdgx binary to start; empty: build ./cmd/videosdgx")
	fs.StringVar(&o.Driver, "driver", o.Driver, "sandbox driver of the started server: auto, containerd or process")
	fs.StringVar(&o.Functions, "functions", o.Functions, "folder of functions for the started server")
}

// Server is a server under test.
type Server struct {
	URL  string // http://127.0.0.1:port
	Data string // its data folder; "" when it was running before
	PID  int    // 0 when it was running before
	Bin  string // the videosdgx binary; "" when it was running before

	Functions string // the folder of functions it watches; "" when it was running before

	o    Options
	temp string
	cmd  *exec.Cmd
	done chan error
	once sync.Once
	err  error
}

// Start gives the server that o.URL names, or builds and starts one on a free port with temporary data and waits until
// it takes requests. Stop ends what Start started.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.URL != "" {
		return &Server{URL: strings.TrimSuffix(o.URL, "/")}, nil
	}
	temp, err := os.MkdirTemp("", "videosdgx-bench-")
	if err != nil {
		return nil, err
	}
	s := &Server{temp: temp, Data: filepath.Join(temp, "data"), Bin: o.Binary}
	if err := s.launch(ctx, o); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) launch(ctx context.Context, o Options) error {
	if s.Bin == "" {
		bin, err := Build(ctx, s.temp)
		if err != nil {
			return err
		}
		s.Bin = bin
	}
	if o.Functions == "" {
		o.Functions = filepath.Join(s.temp, "functions")
	}
	for _, dir := range []string{s.Data, o.Functions} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if o.Driver == "" {
		o.Driver = "auto"
	}
	s.o, s.Functions = o, o.Functions
	return s.spawn(ctx, "127.0.0.1:0")
}

// spawn runs serve at an address and waits until it takes requests.
func (s *Server) spawn(ctx context.Context, listen string) error {
	o := s.o
	args := append([]string{"serve", "--listen", listen, "--data", s.Data, "--functions", o.Functions, "--driver", o.Driver}, o.Args...)
	line := append(slices.Clone(o.Wrap), append([]string{s.Bin}, args...)...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), o.Env...)
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	s.cmd, s.PID, s.done = cmd, cmd.Process.Pid, done
	go func() { err := cmd.Wait(); in.Close(); done <- err }()
	return s.await(ctx, out, o.Log)
}

// await reads the server's output until it says where it listens, and keeps copying it to log after that.
func (s *Server) await(ctx context.Context, out io.Reader, log io.Writer) error {
	if log == nil {
		log = io.Discard
	}
	found, tail := make(chan string, 1), &strings.Builder{}
	go func() {
		defer close(found)
		lines, announced := bufio.NewScanner(out), false
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			fmt.Fprintln(log, lines.Text())
			if announced {
				continue
			}
			fmt.Fprintln(tail, lines.Text())
			if _, addr, ok := strings.Cut(lines.Text(), "listening on "); ok {
				announced = true
				found <- strings.TrimRight(strings.Fields(addr)[0], `",`)
			}
		}
		io.Copy(io.Discard, out)
	}()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	select {
	case addr, ok := <-found:
		if !ok {
			return fmt.Errorf("videosdgx serve ended before it listened:\n%s", tail)
		}
		s.URL = addr
		return nil
	case <-ctx.Done():
		return fmt.Errorf("videosdgx serve did not say where it listens: %w", ctx.Err())
	}
}

// Stop ends the server with SIGTERM (SIGKILL after 30 s) and removes its data. It may be called twice.
func (s *Server) Stop() error {
	s.once.Do(func() {
		s.err = s.Halt()
		if s.temp != "" {
			s.err = errors.Join(s.err, os.RemoveAll(s.temp))
		}
	})
	return s.err
}

// Halt ends the server with SIGTERM and keeps its data. Without a running server of ours it does nothing.
func (s *Server) Halt() error {
	if s.cmd == nil {
		return nil
	}
	defer func() { s.cmd = nil }()
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		if err != nil {
			return fmt.Errorf("videosdgx serve: %w", err)
		}
		return nil
	case <-time.After(30 * time.Second):
		s.cmd.Process.Kill()
		<-s.done
		return errors.New("videosdgx serve did not stop within 30 s of SIGTERM")
	}
}

// Build compiles videosdgx and videosdgx-init of the checkout that holds the working directory into dir.
func Build(ctx context.Context, dir string) (string, error) {
	for _, b := range []struct{ name, cgo string }{{"videosdgx", os.Getenv("CGO_ENABLED")}, {"videosdgx-init", "0"}} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, b.name), "github.com/videosdgx/videosdgx/cmd/"+b.name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+b.cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go build %s: %w\n%s", b.name, err, out)
		}
	}
	return filepath.Join(dir, "videosdgx"), BuildKernels(ctx, dir) // models build wants them
}
