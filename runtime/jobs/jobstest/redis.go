package jobstest

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/internal/porttest"
)

// Redis is a redis-server of a test's own, on a free loopback port, durable with every write.
type Redis struct {
	Addr string
	URL  string
	dir  string
	port string
	args []string
	cmd  *exec.Cmd
}

// StartRedis starts one and ends it with the test. redis-server must be installed: its absence fails the test.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	port := porttest.Free(t) // which is still free after a crash, while everybody calls there
	r := &Redis{Addr: "127.0.0.1:" + port, URL: "redis://127.0.0.1:" + port + "/0", dir: t.TempDir(), port: port, args: args}
	r.Start(t)
	t.Cleanup(r.Kill)
	return r
}

// Start starts it (again), with what the log of its last run says.
func (r *Redis) Start(t testing.TB) {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: apt-get install redis-server")
	}
	args := []string{"--port", r.port, "--bind", "127.0.0.1", "--dir", r.dir, "--appendonly", "yes", "--appendfsync", "always",
		"--save", "", "--daemonize", "no", "--logfile", filepath.Join(r.dir, "log")}
	r.cmd = exec.Command(bin, append(args, r.args...)...)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := r.await(); err != nil {
		r.Kill()
		t.Fatal(err)
	}
}

func (r *Redis) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if c, err := net.DialTimeout("tcp", r.Addr, time.Second); err == nil {
			fmt.Fprint(c, "PING\r\n")
			b := make([]byte, 5)
			c.SetReadDeadline(time.Now().Add(time.Second))
			n, _ := c.Read(b)
			c.Close()
			if string(b[:n]) == "+PONG" {
				return nil
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("redis-server on %s does not answer", r.Addr)
}

// Kill ends it at once, as a crash does. It may be called twice.
func (r *Redis) Kill() {
	if r.cmd != nil {
		r.cmd.Process.Kill()
		r.cmd.Wait()
		r.cmd = nil
	}
}
