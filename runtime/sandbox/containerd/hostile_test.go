package containerd

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/cgroup"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func hostileImage(t testing.TB) string {
	bin := program(t, built.hostile)
	return writeImage(t, v1.Config{Entrypoint: []string{"/var/runtime/bootstrap"}, User: "root"},
		file{path: "var/runtime/bootstrap", mode: 0o755, body: bin}, file{path: "setuid", mode: 0o4755, body: bin})
}

// TestHostileFunction shows what a function cannot do, though its image says that it is root, and that what it may do
// works: with the newest containerd and runc here, and with the distribution's.
func TestHostileFunction(t *testing.T) {
	t.Run("newest", func(t *testing.T) { hostileFunction(t, newDriver(t)) })
	t.Run("distribution", func(t *testing.T) { hostileFunction(t, distributions(t)) })
}

func hostileFunction(t *testing.T, d *Driver) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("of the machine"), 0o644); err != nil {
		t.Fatal(err)
	}
	bundle := t.TempDir()
	if err := os.WriteFile(filepath.Join(bundle, "weights"), []byte("w"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(bundle, "weights"), 0o666); err != nil {
		t.Fatal(err)
	}
	loopback, other := listen(t, "tcp", "127.0.0.1:0"), listen(t, "tcp", outward(t)+":0")
	abstract := fmt.Sprintf("videosdgx-test-%d", os.Getpid())
	listen(t, "unix", "@"+abstract)
	neighbour := config(t, spec.Function{Image: echoImage(t)})
	beside := started(t, d, neighbour)
	defer remove(t, beside)
	invoke(t, beside, `1`)
	c := config(t, spec.Function{Image: hostileImage(t), Limits: spec.Limits{Scratch: 8 << 20}, Env: map[string]string{
		"OTHER_SOCKET": filepath.Join(neighbour.Dir, "init.sock"),
		"HOST_PID":     fmt.Sprint(os.Getpid()), "HOST_FILE": secret, "HOST_TCP": loopback, "HOST_TCP_OTHER": other, "HOST_ABSTRACT": abstract,
	}})
	c.Bundle = bundle
	b := started(t, d, c)
	defer remove(t, b)
	lines := strings.Split(strings.TrimSpace(output(t, b, c)), "\n")
	if len(lines) != 90 {
		t.Errorf("%d lines, which is not the number of attempts", len(lines))
	}
	for _, l := range lines {
		if !strings.HasPrefix(l, "refused ") && !(strings.HasPrefix(l, "allowed ") && strings.HasSuffix(l, ": <nil>")) {
			t.Errorf("not as it should be: %s", l)
		}
	}
	if t.Failed() || testing.Verbose() {
		t.Log(strings.Join(lines, "\n"))
	}
}

func TestMemoryLimit(t *testing.T) {
	d := newDriver(t)
	c := config(t, spec.Function{Image: hostileImage(t), Command: []string{"/var/runtime/bootstrap", "hog"}, Limits: spec.Limits{Memory: 64 << 20}})
	b := started(t, d, c)
	defer remove(t, b)
	out := output(t, b, c)
	if strings.Contains(out, "DONE") || !b.Exit().OOMKilled {
		t.Errorf("exit %+v, output %q", b.Exit(), out)
	}
}

func TestCPULimit(t *testing.T) {
	d := newDriver(t)
	c := config(t, spec.Function{Image: hostileImage(t), Command: []string{"/var/runtime/bootstrap", "burn"}, Limits: spec.Limits{CPUs: 0.2}})
	b := started(t, d, c)
	defer remove(t, b)
	out := output(t, b, c)
	var ms int
	if _, err := fmt.Sscanf(out, "burnt %d", &ms); err != nil || ms > 500 { // a fifth of a second and what is in flight
		t.Errorf("output %q, %v", out, err)
	}
	if n := cgroup.Stats(filepath.Join(cgroup.Folder(b.(*box).cgroup, "cpu"), "cpu.stat"))["nr_throttled"]; n == 0 {
		t.Error("four threads were never held back")
	}
}

func TestProcessLimit(t *testing.T) {
	d := newDriver(t)
	c := config(t, spec.Function{Image: hostileImage(t), Command: []string{"/var/runtime/bootstrap", "bomb"}, Limits: spec.Limits{PIDs: 64}})
	b := started(t, d, c)
	defer remove(t, b)
	if out := output(t, b, c); !strings.Contains(out, "refused after") && !strings.Contains(out, "failed to create new OS thread") {
		t.Errorf("exit %+v, output %q", b.Exit(), out)
	}
}

// TestSocketIsNotTrusted has the function put a link to a socket of the machine in the place of init's.
func TestSocketIsNotTrusted(t *testing.T) {
	d := newDriver(t)
	host := filepath.Join(t.TempDir(), "s")
	listen(t, "unix", host)
	c := config(t, spec.Function{Image: hostileImage(t), Command: []string{"/var/runtime/bootstrap", "socket"}, Env: map[string]string{"HOST_SOCKET": host}})
	b := started(t, d, c)
	defer remove(t, b)
	await(t, func() bool { l, _ := os.ReadFile(c.Log); return strings.Contains(string(l), "replaced") })
	if conn, err := b.Dial(testContext(t)); !errdefs.IsPermissionDenied(err) {
		t.Errorf("dial: %v, %v", conn, err)
	}
}

// output is all that an instance wrote, once it has ended.
func output(t testing.TB, b instance.Box, c instance.Config) string {
	t.Helper()
	select {
	case <-b.Exited():
	case <-testContext(t).Done():
		t.Fatal("the instance does not end")
	}
	out, err := os.ReadFile(c.Log)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for line := range strings.Lines(string(out)) { // each has its time and its request before it
		said.WriteString(line[strings.LastIndex(line, "\t")+1:])
	}
	return said.String()
}

func listen(t testing.TB, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// outward is an address of the machine besides the loopback's, or the loopback's second where there is none.
func outward(t testing.TB) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	return "127.0.0.2"
}

// await asks until something is so: for what signals itself in no other way, a line in another process's log.
func await(t testing.TB, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}
