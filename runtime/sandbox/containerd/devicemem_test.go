package containerd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// device is a GPU in whose memory every process of an instance has something. It notes what is done, and fails where it is told.
type device struct {
	mu         sync.Mutex
	done       []string
	pids       []int // of the last step
	fails      map[string]error
	whenFrozen func()
	holds      spec.Bytes // by all processes together
}

func (d *device) step(what string, pids []int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done, d.pids = append(d.done, what), slices.Clone(pids)
	return d.fails[what]
}

func (d *device) Freeze(_ context.Context, pids []int) error {
	err := d.step("freeze", pids)
	if err == nil && d.whenFrozen != nil {
		d.whenFrozen()
	}
	return err
}

func (d *device) Thaw(ctx context.Context, pids []int) error {
	if err := ctx.Err(); err != nil {
		return err // what is undone must not end with the caller
	}
	return d.step("thaw", pids)
}

func (d *device) Holds([]int) spec.Bytes { return d.holds }

func (d *device) did() string { return strings.Join(d.done, " ") }

func onDevice(t *testing.T, d *device) (*Driver, spec.Function, instance.Box) {
	t.Helper()
	driver := newDriver(t, func(o *Options) { o.Devices = d })
	needCRIU(t, driver)
	f := spec.Function{Image: echoImage(t)}
	b := started(t, driver, config(t, f))
	invoke(t, b, `1`)
	return driver, f, b
}

func answers(t *testing.T, what string, b instance.Box) {
	t.Helper()
	if got := invoke(t, b, `"on"`); got != `"on"` {
		t.Errorf("%s: %q", what, got)
	}
}

// TestDeviceMemoryGoesBeforeTheProcessesAndComesBackAfterThem follows a checkpoint and a restore.
func TestDeviceMemoryGoesBeforeTheProcessesAndComesBackAfterThem(t *testing.T) {
	gpu := &device{}
	d, f, b := onDevice(t, gpu)
	before, err := b.(*box).pids()
	must(t, err)
	images := t.TempDir()
	gpu.whenFrozen = func() {
		if made, _ := os.ReadDir(images); len(made) > 0 {
			t.Error("processes were dumped with their device memory in place")
		}
	}
	must(t, b.(*box).Checkpoint(testContext(t), images, true))
	if gpu.did() != "freeze" || !slices.Equal(gpu.pids, before) {
		t.Errorf("%s of %v; the instance has %v", gpu.did(), gpu.pids, before)
	}
	<-b.Exited()
	remove(t, b)
	gpu.done = nil
	c := config(t, f)
	r, err := d.Restore(testContext(t), c, images)
	must(t, err)
	after, err := r.(*box).pids()
	must(t, err)
	if gpu.did() != "thaw" || !slices.Equal(gpu.pids, after) {
		t.Errorf("%s of %v; the instance has %v", gpu.did(), gpu.pids, after)
	}
	must(t, client.Restored(testContext(t), r.Dial, wire.RestoredHead{InstanceID: c.ID, Entropy: make([]byte, 64)}))
	answers(t, "restored", r)
	remove(t, r)
}

// TestACheckpointThatFailsGivesDeviceMemoryBack: at each step, and when who asked has gone.
func TestACheckpointThatFailsGivesDeviceMemoryBack(t *testing.T) {
	boom := errors.New("the driver says no")
	gpu := &device{}
	_, _, b := onDevice(t, gpu)
	for name, c := range map[string]struct {
		fails map[string]error
		spoil bool // where the images go
		leave bool // who asked has gone when the device is frozen
		did   string
	}{
		"freezing fails": {fails: map[string]error{"freeze": boom}, did: "freeze"},
		"dumping fails":  {spoil: true, did: "freeze thaw"},
		"nobody waits":   {leave: true, did: "freeze thaw"},
		"nothing fails":  {did: "freeze thaw"},
	} {
		t.Run(name, func(t *testing.T) {
			gpu.fails, gpu.done, gpu.whenFrozen = c.fails, nil, nil
			images := t.TempDir()
			ctx, cancel := context.WithCancel(testContext(t))
			defer cancel()
			if c.leave {
				gpu.whenFrozen = cancel
			}
			if c.spoil {
				images = filepath.Join(images, "file")
				must(t, os.WriteFile(images, nil, 0o600))
			}
			err := b.(*box).Checkpoint(ctx, images, false)
			if failed := c.fails != nil || c.spoil || c.leave; (err != nil) != failed || c.fails != nil && !errors.Is(err, boom) {
				t.Errorf("checkpoint: %v", err)
			}
			if gpu.did() != c.did {
				t.Errorf("%s, expected %s", gpu.did(), c.did)
			}
			answers(t, "goes on", b)
		})
	}
	remove(t, b)
}

// TestARestoreWithoutItsDeviceMemoryLeavesNothing: the processes are there, their memory on the device does not come.
func TestARestoreWithoutItsDeviceMemoryLeavesNothing(t *testing.T) {
	boom := errors.New("the driver says no")
	gpu := &device{}
	d, f, b := onDevice(t, gpu)
	images := t.TempDir()
	must(t, b.(*box).Checkpoint(testContext(t), images, true))
	<-b.Exited()
	remove(t, b)
	gpu.fails = map[string]error{"thaw": boom}
	c := config(t, f)
	if _, err := d.Restore(testContext(t), c, images); !errors.Is(err, boom) || !strings.Contains(err.Error(), "device memory") {
		t.Errorf("restore: %v", err)
	}
	if left := traces(t, d, c.ID); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestDeviceMemoryThatDoesNotFitIsRefused: before anything is touched, instead of the kernel killing the function for memory.
func TestDeviceMemoryThatDoesNotFitIsRefused(t *testing.T) {
	gpu := &device{}
	_, f, b := onDevice(t, gpu)
	defer remove(t, b)
	limit := max(f.Limits.Memory, spec.DefaultMemory)
	gpu.holds = limit
	err := b.(*box).Checkpoint(testContext(t), t.TempDir(), false)
	var room *instance.DeviceRoomError
	if !errors.As(err, &room) || room.Limit != limit || room.Taken <= 0 || gpu.did() != "" {
		t.Fatalf("%v; %q", err, gpu.did())
	}
	for _, want := range []string{b.ID(), limit.String(), "limits.memory", "snapshot: off", (limit + 1<<30).String()} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	gpu.holds = limit / 2
	must(t, b.(*box).Checkpoint(testContext(t), t.TempDir(), false))
	answers(t, "goes on", b)
}
