package containerd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/daemon"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/tool"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func needCRIU(t testing.TB, d *Driver) {
	t.Helper()
	if err := d.canCheckpoint(); err != nil {
		missing(t, err.Error())
	}
}

func TestCheckpointAndRestore(t *testing.T) {
	d := newDriver(t)
	needCRIU(t, d)
	f := spec.Function{Image: echoImage(t)}
	b := started(t, d, config(t, f))
	invoke(t, b, `1`)
	images, before := t.TempDir(), inMemory(t, b)
	at := time.Now()
	if err := b.(*box).Checkpoint(testContext(t), images, true); err != nil {
		t.Fatal(err)
	}
	t.Logf("checkpoint %v", time.Since(at))
	if len(before) < 3 {
		t.Errorf("file systems in memory are %q, want /dev, /dev/shm and /tmp among them", before)
	}
	if archives, err := filepath.Glob(filepath.Join(images, "tmpfs-*")); err != nil || len(archives) != 1 {
		t.Errorf("a restore unpacks %v (%v), want /dev alone", archives, err)
	}
	<-b.Exited()
	remove(t, b)
	for range 3 {
		at = time.Now()
		c := config(t, f)
		r, err := d.Restore(testContext(t), c, images)
		if err != nil {
			t.Fatal(err)
		}
		restored := time.Since(at)
		h := wire.RestoredHead{InstanceID: c.ID, Entropy: make([]byte, 64), UnixNano: time.Now().UnixNano()}
		if err := client.Restored(testContext(t), r.Dial, h); err != nil {
			t.Fatal(err)
		}
		if got := invoke(t, r, `"again"`); got != `"again"` {
			t.Fatalf("answer %q", got)
		}
		t.Logf("restore %v, first answer %v", restored, time.Since(at))
		if pids, err := r.(*box).pids(); err != nil || len(pids) < 2 {
			t.Errorf("processes %v in the restored instance's own cgroup, want init and the function: %v", pids, err)
		}
		if after := inMemory(t, r); !slices.Equal(before, after) {
			t.Errorf("file systems in memory are\n%q\nafter the restore, were\n%q", after, before)
		}
		remove(t, r)
	}
	if left := traces(t, d, b.ID()); len(left) > 0 {
		t.Errorf("restores have made again what the original had: %v", left)
	}
	if entries, err := os.ReadDir(images); err != nil || len(entries) == 0 {
		t.Fatalf("images: %v, %v", entries, err)
	}
}

// inMemory lists an instance's own file systems in memory: where, with which options, and whose the top is.
func inMemory(t *testing.T, b instance.Box) (list []string) {
	t.Helper()
	pids, err := b.(*box).pids()
	if err != nil || len(pids) == 0 {
		t.Fatalf("processes %v: %v", pids, err)
	}
	proc := filepath.Join("/proc", strconv.Itoa(pids[0]))
	text, err := os.ReadFile(filepath.Join(proc, "mountinfo"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line) // see proc_pid_mountinfo(5): no optional fields, the mounts are private
		if f[7] != "tmpfs" || strings.HasPrefix(f[4], "/run/") {
			continue
		}
		st, err := os.Stat(filepath.Join(proc, "root", f[4]))
		if err != nil {
			t.Fatal(err)
		}
		own := st.Sys().(*syscall.Stat_t)
		list = append(list, fmt.Sprint(f[4], " ", f[5], " ", f[9], " ", st.Mode(), " ", own.Uid, " ", own.Gid))
	}
	slices.Sort(list)
	return list
}

// TestCheckpointKeepsLocks snapshots a function that holds a file's lock, as databases and NVIDIA's driver do: the restored
// one holds it.
func TestCheckpointKeepsLocks(t *testing.T) {
	d := newDriver(t)
	needCRIU(t, d)
	f := spec.Function{Image: echoImage(t)}
	b := started(t, d, config(t, f))
	const event = `{"lock":"/dev/shm/one"}`
	if got := invoke(t, b, event); got != `"free"` {
		t.Fatalf("the lock is %s", got)
	}
	images := t.TempDir()
	if err := b.(*box).Checkpoint(testContext(t), images, true); err != nil {
		t.Fatal(err)
	}
	<-b.Exited()
	remove(t, b)
	c := config(t, f)
	r, err := d.Restore(testContext(t), c, images)
	if err != nil {
		t.Fatal(err)
	}
	defer remove(t, r)
	h := wire.RestoredHead{InstanceID: c.ID, Entropy: make([]byte, 64), UnixNano: time.Now().UnixNano()}
	if err := client.Restored(testContext(t), r.Dial, h); err != nil {
		t.Fatal(err)
	}
	if got := invoke(t, r, event); got != `"held"` {
		t.Errorf("after the restore the lock is %s", got)
	}
}

// TestCheckpointWaitsForOpenConversations dumps an instance that somebody still talks to.
func TestCheckpointWaitsForOpenConversations(t *testing.T) {
	d := newDriver(t)
	needCRIU(t, d)
	b := started(t, d, config(t, spec.Function{Image: echoImage(t)}))
	invoke(t, b, `1`)
	if err := b.(*box).awaitQuiet(testContext(t)); err != nil { // that conversation is over
		t.Fatal(err)
	}
	conn, err := b.Dial(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	awaitAccepted(t, b.(*box))
	done := make(chan error, 1)
	images, ctx := t.TempDir(), testContext(t)
	go func() { done <- b.(*box).Checkpoint(ctx, images, true) }()
	select {
	case err := <-done:
		t.Fatalf("dumped with a connection open: %v", err)
	case <-time.After(100 * time.Millisecond): // nothing can be waited for but time
	}
	conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	remove(t, b)
}

// awaitAccepted returns once init has taken the connection that was dialled: until then the instance does not hold it, and
// is quiet.
func awaitAccepted(t *testing.T, b *box) {
	t.Helper()
	for ctx := testContext(t); ctx.Err() == nil; time.Sleep(time.Millisecond) { // the kernel tells nobody
		pids, err := b.pids()
		if err != nil {
			t.Fatal(err)
		}
		ours, err := unixSockets("/proc/thread-self/net/unix")
		if err != nil {
			t.Fatal(err)
		}
		if holdsAny(pids, ours) {
			return
		}
	}
	t.Fatal("init does not take the connection")
}

// TestRestoreAtOnce has eight instances come back from one checkpoint at the same time, and the original go on beside them.
func TestRestoreAtOnce(t *testing.T) {
	d := newDriver(t)
	needCRIU(t, d)
	f := spec.Function{Image: echoImage(t)}
	original := started(t, d, config(t, f))
	invoke(t, original, `1`)
	images := t.TempDir()
	if err := original.(*box).Checkpoint(testContext(t), images, false); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		c := config(t, f)
		wg.Go(func() {
			b, err := d.Restore(testContext(t), c, images)
			if err != nil {
				t.Errorf("restore: %v", err)
				return
			}
			h := wire.RestoredHead{InstanceID: c.ID, Entropy: make([]byte, 64), UnixNano: time.Now().UnixNano()}
			if err := client.Restored(testContext(t), b.Dial, h); err != nil {
				t.Errorf("restored: %v", err)
			}
			if err := b.Remove(testContext(t)); err != nil {
				t.Errorf("remove: %v", err)
			}
		})
	}
	wg.Wait()
	if got := invoke(t, original, `"still"`); got != `"still"` {
		t.Errorf("the original answers %q", got)
	}
	remove(t, original)
}

// TestFailedRestoreLeavesNothing takes away one of the images.
func TestFailedRestoreLeavesNothing(t *testing.T) {
	d := newDriver(t)
	needCRIU(t, d)
	f := spec.Function{Image: echoImage(t)}
	b := started(t, d, config(t, f))
	invoke(t, b, `1`)
	images := t.TempDir()
	if err := b.(*box).Checkpoint(testContext(t), images, true); err != nil {
		t.Fatal(err)
	}
	remove(t, b)
	cores, err := filepath.Glob(filepath.Join(images, "core-*.img"))
	if err != nil || len(cores) == 0 {
		t.Fatalf("no core images: %v", err)
	}
	if err := os.Truncate(cores[0], 10); err != nil {
		t.Fatal(err)
	}
	c := config(t, f)
	if _, err := d.Restore(testContext(t), c, images); err == nil || !strings.Contains(err.Error(), "criu") {
		t.Errorf("restore from a damaged checkpoint: %v", err)
	}
	if left := traces(t, d, c.ID); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestCheckpointUnderSystemDaemon: a daemon that is not ours has no private CRIU on its PATH.
func TestCheckpointUnderSystemDaemon(t *testing.T) {
	need(t)
	binary, ok := tool.Find(testContext(t), "/nonexistent", "containerd")
	if !ok {
		missing(t, "the distribution's containerd is not installed")
	}
	o := Options{Data: t.TempDir(), Init: built.init}.WithDefaults()
	system := daemon.New(binary.Path, o.daemon())
	system.Path = "/usr/sbin:/usr/bin:/sbin:/bin"
	must(t, os.MkdirAll(o.State, 0o711))
	must(t, system.Start(testContext(t)))
	t.Cleanup(func() { system.Close(); _ = os.RemoveAll(o.State) })
	d := newDriver(t, func(o *Options) { o.Address = system.Socket })
	needCRIU(t, d)
	f := spec.Function{Image: echoImage(t)}
	b := started(t, d, config(t, f))
	invoke(t, b, `1`)
	images := t.TempDir()
	if err := b.(*box).Checkpoint(testContext(t), images, true); err != nil {
		t.Fatal(err)
	}
	remove(t, b)
	r, err := d.Restore(testContext(t), config(t, f), images)
	if err != nil {
		t.Fatal(err)
	}
	if got := invoke(t, r, `"again"`); got != `"again"` {
		t.Errorf("answer %q", got)
	}
	remove(t, r)
}
