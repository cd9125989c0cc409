package guest

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// child is the function's main process, leader of its own process group.
type child struct {
	pid    int
	exited chan struct{}
	status syscall.WaitStatus // valid after exited
}

// startChild starts the command. The caller has locked its thread: outside a PID namespace the child dies with that
// thread.
func startChild(command, env []string, log *os.File) (*child, error) {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return nil, fmt.Errorf("the command %q cannot be run here (%w); check command in function.yaml or the image's entrypoint", command[0], err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	attr := &syscall.ProcAttr{
		Env:   env,
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	}
	if os.Getpid() != 1 {
		attr.Sys.Pdeathsig = syscall.SIGKILL
	}
	pid, err := syscall.ForkExec(path, command, attr)
	if err != nil {
		return nil, fmt.Errorf("the command %q did not start: %w", command[0], err)
	}
	return &child{pid: pid, exited: make(chan struct{})}, nil
}

// signal reaches the child's whole group.
func (c *child) signal(s syscall.Signal) { syscall.Kill(-c.pid, s) }

// terminate asks the child to end and insists after grace.
func (c *child) terminate(grace time.Duration) {
	c.signal(syscall.SIGTERM)
	select {
	case <-c.exited:
	case <-time.After(grace):
		c.signal(syscall.SIGKILL)
		<-c.exited
	}
}

// code is the exit status as shells have it.
func (c *child) code() int {
	if c.status.Signaled() {
		return 128 + int(c.status.Signal())
	}
	return c.status.ExitStatus()
}

// how says in words how the child ended.
func (c *child) how() string {
	switch {
	case c.status.Signaled() && c.status.Signal() == syscall.SIGKILL:
		return "was killed by signal 9 (by hand, or for want of memory)"
	case c.status.Signaled():
		return fmt.Sprintf("was ended by signal %d (%s)", c.status.Signal(), c.status.Signal())
	}
	return fmt.Sprintf("exited with status %d", c.status.ExitStatus())
}
