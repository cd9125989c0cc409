package containerd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/snapshotter/criu"
)

var _ instance.Checkpointer = (*box)(nil)

// Checkpoint writes the instance's processes into dir as CRIU images. With exit they end by that, else they go on.
func (b *box) Checkpoint(ctx context.Context, dir string, exit bool) error {
	if !b.isRunning() {
		return fmt.Errorf("instance %s is not running: %w", b.id, errdefs.ErrFailedPrecondition)
	}
	if err := b.d.canCheckpoint(); err != nil {
		return err
	}
	if b.bridged {
		return fmt.Errorf("instance %s is on the network bridge, and a connection to elsewhere cannot be brought back: %w", b.id, errdefs.ErrNotImplemented)
	}
	work := b.d.workDir(b.id)
	if err := os.MkdirAll(work, 0o700); err != nil {
		return err
	}
	opts, err := typeurl.MarshalAnyToProto(&options.CheckpointOptions{Exit: exit, OpenTcp: true, ImagePath: dir, WorkPath: work})
	if err != nil {
		return err
	}
	thaw, err := b.dump(ctx, opts, dir)
	if err != nil {
		return err
	}
	b.d.logTook("checkpointed", b.id, "dump.log")
	after := thaw
	if exit {
		after = func() error { return b.awaitExit(ctx, exitAfterDump) }
	}
	return errors.Join(after(), criu.SpareArchives(dir))
}

// dumpAttempts is how often a dump is begun again that met a connection on its way: one may arrive after the instance was
// found quiet.
const dumpAttempts = 5

// dump freezes what the instance has on devices and has the runtime write its processes; thaw undoes the first. After an
// error the instance runs as before.
func (b *box) dump(ctx context.Context, opts *anypb.Any, dir string) (thaw func() error, err error) {
	for range dumpAttempts {
		if err := b.awaitQuiet(ctx); err != nil {
			return nil, err
		}
		if thaw, err = b.freezeDevices(ctx); err != nil {
			return nil, err
		}
		_, err = b.d.client.TaskService().Checkpoint(b.d.in(ctx), &tasks.CheckpointTaskRequest{ContainerID: b.id, Options: opts})
		if err == nil {
			return thaw, nil
		}
		fault := criu.Fault(filepath.Join(b.d.workDir(b.id), "dump.log"))
		err = fmt.Errorf("instance %s cannot be checkpointed: %w: %w", b.id, errgrpc.ToNative(err), fault)
		if thawErr := thaw(); thawErr != nil || !criu.IsInFlight(fault) {
			return nil, errors.Join(err, thawErr)
		}
		if clearErr := clearImages(dir); clearErr != nil {
			return nil, errors.Join(err, clearErr)
		}
	}
	return nil, err
}

// clearImages removes what a dump that failed has written.
func clearImages(dir string) error {
	images, err := filepath.Glob(filepath.Join(dir, "*.img"))
	if err != nil {
		return err
	}
	for _, image := range images {
		err = errors.Join(err, os.Remove(image))
	}
	return err
}

// Restore makes a running instance of a checkpoint's images.
func (d *Driver) Restore(ctx context.Context, c instance.Config, dir string) (instance.Box, error) {
	if err := d.canCheckpoint(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(d.workDir(c.ID)), 0o700); err != nil { // the runtime makes the last folder only
		return nil, err
	}
	made, err := d.create(d.in(ctx), c, dir)
	if err != nil {
		return nil, err
	}
	if err := d.revive(ctx, made.(*box)); err != nil {
		undo, cancel := d.undo(ctx)
		defer cancel()
		if rmErr := made.Remove(undo); rmErr != nil {
			d.o.Log.Warn("cannot remove a failed restore", "instance", c.ID, "error", rmErr)
		}
		return nil, err
	}
	return made, nil
}

// revive has CRIU make the processes, which go on with their devices.
func (d *Driver) revive(ctx context.Context, b *box) error {
	watch, started := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() { defer close(watched); d.watchRestore(watch, b.id) }()
	err := b.Start(ctx)
	started()
	<-watched
	if err != nil {
		return fmt.Errorf("%w: %w", err, criu.Fault(filepath.Join(d.workDir(b.id), "restore.log")))
	}
	d.logTook("restored", b.id, "restore.log")
	if err := b.thawDevices(ctx); err != nil {
		return err
	}
	return d.unreach(b.id)
}

// logTook tells what of a checkpoint or restore was CRIU's own time.
func (d *Driver) logTook(what, id, log string) {
	if took, err := criu.Took(filepath.Join(d.workDir(id), log)); err == nil {
		d.o.Log.Debug(what, "instance", id, "criu", took) //nolint:sloglint // one of two constants, which bench/restore reads
	}
}
