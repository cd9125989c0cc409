package containerd

import (
	"context"
	"fmt"
	"net/url"
	"regexp"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"

	"github.com/videosdgx/videosdgx/runtime/guest/loopback"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/blueprint"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/cgroup"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/network"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

const shimRuntime = "io.containerd.runc.v2"

// Labels of a container record. The instance's own follow userLabel.
const (
	ownerLabel  = "videosdgx/owner"
	dirLabel    = "videosdgx/dir"
	bridgeLabel = "videosdgx/bridge"
	chainLabel  = "videosdgx/chain"
	userLabel   = "videosdgx.label/"
)

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,59}$`)

// Create stages an instance: when it returns, runc has made namespaces, mounts and cgroup, and waits to run init.
func (d *Driver) Create(ctx context.Context, c instance.Config) (instance.Box, error) {
	return d.create(d.in(ctx), c, "")
}

// noImage says that it is the image that is missing, unless it may well be there the next time.
func noImage(ctx context.Context, ref string, err error) error {
	if ctx.Err() != nil || errdefs.IsUnavailable(err) || errdefs.IsResourceExhausted(err) {
		return err
	}
	return &spec.ImageError{Image: ref, Err: err}
}

// create makes an instance, from a checkpoint's images if there are any. It leaves nothing behind on error.
func (d *Driver) create(ctx context.Context, c instance.Config, checkpoint string) (_ instance.Box, err error) {
	if !idPattern.MatchString(c.ID) {
		return nil, fmt.Errorf("instance id %q: letters, digits and '-', at most 60: %w", c.ID, errdefs.ErrInvalidArgument)
	}
	if d.knows(c.ID) { // before anything is made that undoing would take from the other one
		return nil, fmt.Errorf("an instance %s is there already: %w", c.ID, errdefs.ErrAlreadyExists)
	}
	img, err := d.images.Get(ctx, c.Function.Ref(), c.Tell)
	if err != nil {
		return nil, noImage(ctx, c.Function.Image, err)
	}
	var done steps
	defer func() {
		if err != nil {
			undo, cancel := d.undo(ctx)
			defer cancel()
			done.undo(undo, d.o.Log)
		}
	}()
	rootfs, err := d.record(ctx, c, img, checkpoint != "", &done)
	if err != nil {
		return nil, err
	}
	pid, err := d.task(ctx, c, img, rootfs, checkpoint, &done)
	if err != nil {
		return nil, fmt.Errorf("instance %s: %w", c.ID, err)
	}
	if checkpoint == "" {
		if err := d.interfaces(c, int(pid)); err != nil {
			return nil, fmt.Errorf("instance %s: %w", c.ID, err)
		}
		if err := d.unreach(c.ID); err != nil { // the instance has mounts of its own now
			return nil, fmt.Errorf("instance %s: %w", c.ID, err)
		}
	}
	b := d.newBox(c.ID, c.Dir, bridged(c), c.Labels)
	if pid > 0 { // a restored one has no process before Start
		b.attach(pid)
	}
	return b, nil
}

func (d *Driver) knows(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.boxes[id] != nil
}

func bridged(c instance.Config) bool { return c.Function.Network == "bridge" }

// interfaces brings up the interfaces of a staged instance: the loopback, and eth0 if its manifest asks for a bridge.
func (d *Driver) interfaces(c instance.Config, pid int) error {
	if err := loopback.Up(pid); err != nil {
		return err
	}
	if bridged(c) {
		return network.Plug(d.owner, c.ID, pid)
	}
	return nil
}

// record makes everything that is there before the task: the folder's owner, the namespace, the container record.
func (d *Driver) record(ctx context.Context, c instance.Config, img *image.Image, restore bool, done *steps) ([]mount.Mount, error) {
	owner := d.host(img)
	if err := readable(c.Bundle, owner); err != nil {
		return nil, err
	}
	done.add("folder", func(context.Context) error { return d.disclose(c.ID) })
	if err := d.enclose(c.ID, c.Dir); err != nil {
		return nil, err
	}
	if err := handOver(c.Dir, owner); err != nil {
		return nil, err
	}
	if err := d.shelve(c.ID, c.Dir); err != nil {
		return nil, err
	}
	done.add("reachable sources", func(context.Context) error { return d.unreach(c.ID) })
	sources, err := d.sources(c, owner)
	if err != nil {
		return nil, err
	}
	b := blueprint.Blueprint{
		Config: c, Image: img, Init: d.init, Hosts: d.hosts, Files: d.filesAt(c.ID), Cgroup: d.cgroup(c.ID), CRIUConf: d.criuConf, Restore: restore,
		SwapLimit: d.swap, Sources: sources, IDs: d.o.IDs, Devices: d.gpus,
	}
	s, err := b.Spec()
	if err != nil {
		return nil, err
	}
	links := blueprint.VendorHooks(s)
	targets, err := b.Targets(s)
	if err != nil {
		return nil, err
	}
	rootfs, err := d.images.Root(ctx, img, append(targets, links...))
	if err != nil {
		return nil, err
	}
	if restore {
		if err := d.reach(c.ID, s.Mounts); err != nil {
			return nil, err
		}
	}
	encoded, err := typeurl.MarshalAny(s)
	if err != nil {
		return nil, err
	}
	_, err = d.client.ContainerService().Create(ctx, containers.Container{
		ID: c.ID, Image: img.Name, Spec: encoded, Labels: d.labels(c, img),
		Runtime: containers.RuntimeInfo{Name: shimRuntime},
	})
	if err != nil {
		return nil, fmt.Errorf("instance %s: %w", c.ID, err)
	}
	done.add("container record", func(ctx context.Context) error { return d.client.ContainerService().Delete(ctx, c.ID) })
	return rootfs, nil
}

// task starts a shim and has the runtime create the container in it.
func (d *Driver) task(ctx context.Context, c instance.Config, img *image.Image, rootfs []mount.Mount, checkpoint string, done *steps) (uint32, error) {
	owner := d.host(img)
	opts, err := typeurl.MarshalAnyToProto(&options.Options{
		BinaryName: d.oci, IoUid: owner.UID, IoGid: owner.GID,
		CriuImagePath: checkpoint, CriuWorkPath: d.criuWork(c.ID, checkpoint),
	})
	if err != nil {
		return 0, err
	}
	if err := touch(c.Log); err != nil {
		return 0, err
	}
	log := (&url.URL{Scheme: "file", Path: c.Log}).String()
	req := &tasks.CreateTaskRequest{ContainerID: c.ID, Stdout: log, Stderr: log, Options: opts}
	for _, m := range rootfs {
		req.Rootfs = append(req.Rootfs, &types.Mount{Type: m.Type, Source: m.Source, Target: m.Target, Options: m.Options})
	}
	done.add("cgroup", func(context.Context) error { return cgroup.Drop(d.cgroup(c.ID)) })
	done.add("cable", func(context.Context) error { return network.Unplug(d.owner, c.ID) })
	done.add("task", func(ctx context.Context) error { return d.deleteTask(ctx, c.ID) })
	resp, err := d.client.TaskService().Create(ctx, req)
	if err != nil {
		return 0, errgrpc.ToNative(err)
	}
	return resp.Pid, nil
}

func (d *Driver) labels(c instance.Config, img *image.Image) map[string]string {
	l := map[string]string{ownerLabel: d.owner, dirLabel: c.Dir, chainLabel: img.Chain()}
	if bridged(c) {
		l[bridgeLabel] = "yes"
	}
	for k, v := range c.Labels {
		l[userLabel+k] = v
	}
	return l
}
