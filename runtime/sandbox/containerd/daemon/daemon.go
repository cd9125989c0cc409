// Package daemon keeps a private containerd running: it starts one, takes over one that an earlier control plane left, and
// starts it again when it dies.
package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/pidfd"
)

// Options say where a private containerd keeps its things.
type Options struct {
	Data, State string // folders: of its store and log, and of sockets and tasks
	Path        string // PATH that it and its shims get
	Log         *slog.Logger
}

// Daemon is a private containerd: a child of this process, or one that an earlier control plane left running when it was
// killed. It is started again when it dies, since the shims, and the instances in them, outlive it.
type Daemon struct {
	Socket string // it listens on
	State  string // folder of its tasks
	Path   string // PATH it and its shims get

	binary, root, config, logFile string
	log                           *slog.Logger

	stop context.CancelFunc
	done chan struct{}
	mu   sync.Mutex
	pid  int
}

// New is one that does not run yet; binary is containerd.
func New(binary string, o Options) *Daemon {
	in := func(name string) string { return filepath.Join(o.State, name) }
	return &Daemon{
		binary: binary, Socket: in("containerd.sock"), config: in("containerd.toml"),
		root: filepath.Join(o.Data, "containerd"), State: in("containerd"), logFile: filepath.Join(o.Data, "containerd.log"),
		Path: o.Path, log: o.Log, done: make(chan struct{}),
	}
}

// Start takes over a daemon that still Answers, or starts one, and returns once it takes connections.
func (d *Daemon) Start(ctx context.Context) error {
	for _, dir := range []string{d.root, d.State} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return fmt.Errorf("private containerd: %w", err)
		}
	}
	if err := os.WriteFile(d.config, []byte(daemonConfig(d.root, d.State, d.Socket)), 0o600); err != nil {
		return fmt.Errorf("private containerd: %w", err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	alive, err := d.adoptOrSpawn()
	if err != nil {
		stop()
		return err
	}
	go d.keep(run, alive)
	if err := d.awaitSocket(ctx, alive); err != nil {
		d.Close()
		return err
	}
	return nil
}

// adoptOrSpawn returns a channel that is closed when the daemon has gone.
func (d *Daemon) adoptOrSpawn() (<-chan struct{}, error) {
	if pid := d.running(); pid > 0 {
		d.setPid(pid)
		if gone, err := pidfd.Watch(pid); err == nil {
			return gone, nil
		}
	}
	return d.spawn()
}

// running is the pid of an earlier control plane's daemon, or 0. It need not answer yet: a control plane may have been
// killed just after it started one, and a second daemon on the same store would wait for the first one's locks for ever.
func (d *Daemon) running() int {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range lines {
		b, _ := os.ReadFile(file)
		args := strings.Split(string(b), "\x00")
		if filepath.Base(args[0]) == "containerd" && len(args) > 2 && args[1] == "--config" && args[2] == d.config {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			return pid
		}
	}
	return 0
}

func (d *Daemon) spawn() (<-chan struct{}, error) {
	out, err := os.OpenFile(d.logFile, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("private containerd: %w", err)
	}
	defer out.Close()
	_ = os.Remove(d.Socket)
	cmd := exec.Command(d.binary, "--config", d.config, "--log-level", "warn")
	// GnuTLS tests itself wherever it is loaded, which is in each CRIU: a millisecond, twice in a restore, for nothing
	cmd.Env = []string{"PATH=" + d.Path, "HOME=/root", "GNUTLS_NO_IMPLICIT_INIT=1"}
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's interrupt is for us, who then stop it in order
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("private containerd %s does not start: %w", d.binary, err)
	}
	d.setPid(cmd.Process.Pid)
	gone := make(chan struct{})
	go func() { defer close(gone); _ = cmd.Wait() }()
	return gone, nil
}

// keep starts the daemon again, at most once a second, until stopped.
func (d *Daemon) keep(ctx context.Context, gone <-chan struct{}) {
	defer close(d.done)
	for {
		started := time.Now()
		select {
		case <-gone:
		case <-ctx.Done():
			return
		}
		if ctx.Err() != nil {
			return
		}
		d.log.Warn("the private containerd died; starting it again", "log", d.logFile)
		select {
		case <-time.After(time.Until(started.Add(time.Second))):
		case <-ctx.Done():
			return
		}
		next, err := d.spawn()
		if err != nil {
			d.log.Error("the private containerd does not start again", "error", err)
			continue // gone is closed already, so this is a retry in a second
		}
		gone = next
	}
}

func (d *Daemon) awaitSocket(ctx context.Context, gone <-chan struct{}) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !Listens(d.Socket) {
		select {
		case <-tick.C:
		case <-gone:
			return fmt.Errorf("the private containerd ended at its start: %s: %w", lastLine(d.logFile), errdefs.ErrUnavailable)
		case <-deadline.C:
			return fmt.Errorf("the private containerd does not answer on %s; see %s: %w", d.Socket, d.logFile, errdefs.ErrUnavailable)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (d *Daemon) setPid(pid int) { d.mu.Lock(); d.pid = pid; d.mu.Unlock() }

// PID is the process that runs now.
func (d *Daemon) PID() int { d.mu.Lock(); defer d.mu.Unlock(); return d.pid }

// Listens tells whether somebody listens on a unix socket.
func Listens(socket string) bool {
	c, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func lastLine(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return "no log"
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return lines[len(lines)-1]
}
