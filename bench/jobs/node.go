package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// place is where servers of one part of the bench keep what must outlive them.
type place struct {
	dir, bin  string
	functions string
}

// newPlace makes a folder with a function "bench" of the given delay and concurrency.
func newPlace(dir, bin, clip, delay string, concurrency int) (*place, error) {
	p := &place{dir, bin, filepath.Join(dir, "functions")}
	fn := filepath.Join(p.functions, "bench")
	if err := os.MkdirAll(fn, 0o755); err != nil {
		return nil, err
	}
	bundle := filepath.Join(dir, "bundle")
	if err := emptyBundle(bundle); err != nil {
		return nil, err
	}
	manifest := fmt.Sprintf("name: bench\ncommand: [%q]\nconcurrency: %d\nkeepAlive: 1h\nenv: {VIDEOSDGX_BENCH_DELAY: %s}\nmodel: {name: bench, bundle: %q}\n", clip, concurrency, delay, bundle)
	return p, os.WriteFile(filepath.Join(fn, "function.yaml"), []byte(manifest), 0o644)
}

// emptyBundle writes a bundle without files, for a function that needs none: its digest is that of the manifest's compact
// JSON with an empty digest.
func emptyBundle(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text := `{"format":"videosdgx-bundle","version":1,"family":"bench","name":"bench","files":[],"digest":"%s"}`
	sum := sha256.Sum256(fmt.Appendf(nil, text, ""))
	return os.WriteFile(filepath.Join(dir, "bundle.json"), fmt.Appendf(nil, text, "sha256:"+hex.EncodeToString(sum[:])), 0o644)
}

// node is one server process. It can be killed and started again on its data and port.
type node struct {
	*api
	place   *place
	name    string
	listen  string
	args    []string
	cmd     *exec.Cmd
	exited  chan struct{}
	out     tail
	outputs string
}

func newNode(p *place, name string, args ...string) (*node, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	n := &node{api: newAPI("http://" + l.Addr().String()), place: p, name: name, listen: l.Addr().String(), args: args, outputs: filepath.Join(p.dir, "outputs")}
	return n, nil
}

// start launches the server and waits until it takes requests.
func (n *node) start(ctx context.Context) error {
	if err := n.launch(); err != nil {
		return err
	}
	if err := n.ready(ctx); err != nil {
		return fmt.Errorf("%w\n%s", err, n.out.String())
	}
	return nil
}

func (n *node) launch() error {
	args := append([]string{"serve", "--listen", n.listen, "--data", filepath.Join(n.place.dir, n.name), "--functions", n.place.functions,
		"--outputs", n.outputs, "--driver", "process", "--node", n.name, "--model-host", "none", "--log-level", "warn"}, n.args...)
	n.cmd = exec.Command(n.place.bin, args...)
	n.cmd.Stdout, n.cmd.Stderr = &n.out, &n.out
	if err := n.cmd.Start(); err != nil {
		return err
	}
	n.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) { cmd.Wait(); close(exited) }(n.cmd, n.exited)
	return nil
}

// restart is what follows a kill. One start in four is killed as well, at a random moment before it serves or soon after:
// taking back the jobs of a run that was killed must itself survive that. It tells whether it did so.
func (n *node) restart(ctx context.Context) (again bool, err error) {
	if rand.IntN(4) == 0 {
		if err := n.launch(); err != nil {
			return false, err
		}
		time.Sleep(time.Duration(rand.Int64N(int64(200 * time.Millisecond))))
		n.kill()
		again = true
	}
	return again, n.start(ctx)
}

// kill is kill -9: the process gets no chance to do anything.
func (n *node) kill() {
	if n.cmd == nil {
		return
	}
	n.cmd.Process.Kill()
	<-n.exited
	n.cmd = nil
	n.Close()
}

// stop is SIGTERM, and waits; the server takes its instances with it, also those of killed predecessors.
func (n *node) stop() {
	if n.cmd == nil {
		return
	}
	n.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-n.exited:
		n.cmd = nil
		n.Close()
	case <-time.After(30 * time.Second):
		n.kill()
	}
}

// rssMB is the server's resident memory.
func (n *node) rssMB() float64 {
	bytes, _ := harness.RSS(n.cmd.Process.Pid) // 0: it has ended
	return float64(bytes) / (1 << 20)
}

// tail keeps the end of a process's output.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b.Len() > 64<<10 {
		t.b.Next(32 << 10)
	}
	return t.b.Write(p)
}

func (t *tail) String() string { t.mu.Lock(); defer t.mu.Unlock(); return t.b.String() }
