package containerd

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/daemon"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestControlPlaneKilled: a driver that is not closed, as one that was killed, leaves an instance and a log that go on.
func TestControlPlaneKilled(t *testing.T) {
	d := newDriver(t)
	c := config(t, spec.Function{Image: echoImage(t)})
	invoke(t, started(t, d, c), `1`)
	o := d.o
	second, err := New(testContext(t), o) // takes the private daemon over
	if err != nil {
		t.Fatal(err)
	}
	if second.daemon.PID() != d.daemon.PID() {
		t.Error("a second private daemon was started on the same state")
	}
	boxes, err := second.List(testContext(t))
	if err != nil || len(boxes) != 1 || boxes[0].Labels()["function"] != "f" {
		t.Fatalf("list: %v, %v", boxes, err)
	}
	invoke(t, boxes[0], `{"log":"still here"}`)
	await(t, func() bool { l, _ := os.ReadFile(c.Log); return strings.Contains(string(l), "still here") })
	if err := second.Cleanup(testContext(t)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-boxes[0].Exited():
	default:
		t.Error("cleaned up, but not exited")
	}
	second.daemon.Leave() // to the first one, who stops it
	second.daemon = nil
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestShimKilled(t *testing.T) {
	d := newDriver(t)
	b := started(t, d, config(t, spec.Function{Image: echoImage(t)}))
	invoke(t, b, `1`)
	kill(t, shimOf(t, b.ID()))
	select {
	case <-b.Exited():
	case <-testContext(t).Done():
		t.Fatal("the instance outlives its shim")
	}
	if b.Exit().Code != killed {
		t.Errorf("exit %+v", b.Exit())
	}
	remove(t, b)
	if left := traces(t, d, b.ID()); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func shimOf(t testing.TB, id string) int {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		b, _ := os.ReadFile(p)
		if strings.Contains(string(b), "containerd-shim") && strings.Contains(string(b), "\x00"+id+"\x00") {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(p)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("%s has no shim", id)
	return 0
}

// TestDaemonKilled: instances outlive containerd, which comes back and knows them.
func TestDaemonKilled(t *testing.T) {
	d := newDriver(t)
	f := spec.Function{Image: echoImage(t)}
	b := started(t, d, config(t, f))
	invoke(t, b, `1`)
	before := d.daemon.PID()
	kill(t, before)
	invoke(t, b, `2`) // no containerd is needed for that
	await(t, func() bool { return d.daemon.PID() != before && daemon.Listens(d.daemon.Socket) })
	ended := started(t, d, config(t, f))
	invoke(t, ended, `3`)
	remove(t, ended)
	remove(t, b)
}

// TestCleanup removes what half-made instances left, and keeps what is to be kept.
func TestCleanup(t *testing.T) {
	d := newDriver(t)
	f := spec.Function{Image: echoImage(t)}
	keep, drop := started(t, d, config(t, f)), started(t, d, config(t, f))
	stray := config(t, f)
	if err := os.MkdirAll(d.workDir(stray.ID), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := bindAtReach(d, stray.ID, stray.Dir); err != nil {
		t.Fatal(err)
	}
	if left, err := d.Leftovers(testContext(t)); err != nil || len(left) != 2 {
		t.Errorf("leftovers %v, %v", left, err)
	}
	again(t, d) // a new control plane sweeps
	if left, err := d.Leftovers(testContext(t)); err != nil || len(left) != 0 {
		t.Errorf("leftovers after another start: %v, %v", left, err)
	}
	if err := d.Cleanup(testContext(t), keep.ID()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{drop.ID(), stray.ID} {
		if left := traces(t, d, id); len(left) > 0 {
			t.Errorf("left of %s: %v", id, left)
		}
	}
	invoke(t, keep, `"kept"`)
	remove(t, keep)
}

func bindAtReach(d *Driver, id, source string) error {
	if err := os.MkdirAll(d.reachDir(id), 0o711); err != nil {
		return err
	}
	return bindAt(source, filepath.Join(d.reachDir(id), "0"))
}

// TestFailedCreateLeavesNothing has runc fail at the last step.
func TestFailedCreateLeavesNothing(t *testing.T) {
	d := newDriver(t)
	c := config(t, spec.Function{Image: echoImage(t)})
	c.Function.GPUs = []string{"nowhere.example/gpu=7"}
	if _, err := d.Create(testContext(t), c); err == nil || !strings.Contains(err.Error(), "nowhere.example/gpu=7") {
		t.Errorf("unknown GPU: %v", err)
	}
	c.Function.GPUs = nil
	good := d.oci
	d.oci = "/bin/false"
	_, err := d.Create(testContext(t), c)
	d.oci = good
	if err == nil {
		t.Error("/bin/false makes containers")
	}
	if left := traces(t, d, c.ID); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	remove(t, started(t, d, c)) // the id is free again
}

// TestKilledWhileTheDaemonStarts: the next control plane waits for a daemon that does not answer yet, and starts no other.
func TestKilledWhileTheDaemonStarts(t *testing.T) {
	d := newDriver(t)
	before := d.daemon.PID()
	if err := os.Rename(d.daemon.Socket, d.daemon.Socket+".later"); err != nil { // it lives, and cannot be reached
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() { _ = os.Rename(d.daemon.Socket+".later", d.daemon.Socket) })
	second, err := New(testContext(t), d.o)
	if err != nil {
		t.Fatal(err)
	}
	if second.daemon.PID() != before {
		t.Error("a second private daemon was started on the same state")
	}
	second.daemon.Leave() // to the first one, who stops it
	second.daemon = nil
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}
