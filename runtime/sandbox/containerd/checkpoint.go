package containerd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"

	"github.com/videosdgx/videosdgx/runtime/instance"
)

var _ instance.Checkpointer = (*box)(nil)

// criuOptions is what CRIU reads beside its command line. The shim restores without tcp-established, and the function's
// long poll to init is an established connection. Its network is not locked by packet filter, which would cost four
// programs per checkpoint and restore: both ends of every connection are frozen in the same namespace, where loopback has
// delivered what was sent, so nothing can move between the dump of one end and that of the other.
const criuOptions = "tcp-established\nnetwork-lock skip\n"

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
	_, err = b.d.client.TaskService().Checkpoint(b.d.in(ctx), &tasks.CheckpointTaskRequest{ContainerID: b.id, Options: opts})
	if err != nil {
		return fmt.Errorf("instance %s cannot be checkpointed: %w: %s", b.id, errgrpc.ToNative(err), criuErrors(filepath.Join(work, "dump.log")))
	}
	if exit {
		return b.awaitExit(ctx, exitAfterDump)
	}
	return nil
}

// Restore makes a running instance of a checkpoint's images.
func (d *Driver) Restore(ctx context.Context, c instance.Config, dir string) (instance.Box, error) {
	if err := d.canCheckpoint(); err != nil {
		return nil, err
	}
	made, err := d.create(d.in(ctx), c, dir)
	if err != nil {
		return nil, err
	}
	if err := made.Start(ctx); err != nil {
		detail := criuErrors(filepath.Join(d.workDir(c.ID), "restore.log"))
		undo, cancel := d.undo(ctx)
		defer cancel()
		if rmErr := made.Remove(undo); rmErr != nil {
			d.o.Log.Warn("cannot remove a failed restore", "instance", c.ID, "err", rmErr)
		}
		return nil, fmt.Errorf("%w: %s", err, detail)
	}
	return made, d.unreach(c.ID)
}
