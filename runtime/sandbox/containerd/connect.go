package containerd

import (
	"context"
	"fmt"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/daemon"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/tool"
)

// connect dials the daemon of the options, the system's, or a private one.
func (d *Driver) connect(ctx context.Context) error {
	address := d.o.Address
	if address == "" {
		if address = Private; daemon.Listens(SystemAddress) {
			address = SystemAddress
		}
	}
	if address == Private {
		if err := d.startPrivate(ctx); err != nil {
			return err
		}
		address = d.daemon.Socket
	}
	c, err := client.New(address, client.WithDefaultNamespace(d.o.Namespace), client.WithTimeout(10*time.Second))
	if err != nil {
		return fmt.Errorf("containerd does not answer on %s: start it, or leave the address empty for a private one: %w (%w)", address, errdefs.ErrUnavailable, err)
	}
	d.client, d.encloses = c, seesMounts(address)
	v, err := c.Version(ctx)
	if err != nil {
		return fmt.Errorf("containerd on %s does not say its version: %w", address, err)
	}
	d.version = tool.Version.FindString(v.Version)
	if !tool.Newer(d.version, "1.5.999") {
		return fmt.Errorf("containerd %s on %s is too old: 1.6 or newer is needed: %w", d.version, address, errdefs.ErrFailedPrecondition)
	}
	return nil
}

func (d *Driver) startPrivate(ctx context.Context) error {
	bin, ok := tool.Find(ctx, d.o.Prefix, "containerd")
	if !ok {
		return fmt.Errorf("containerd is not installed: run `make setup` or `apt-get install containerd`: %w", errdefs.ErrNotFound)
	}
	if _, ok := tool.Find(ctx, d.o.Prefix, "containerd-shim-runc-v2"); !ok {
		return fmt.Errorf("containerd-shim-runc-v2 is not installed: run `make setup` or `apt-get install containerd`: %w", errdefs.ErrNotFound)
	}
	d.daemon = daemon.New(bin.Path, d.o.daemon())
	if err := d.daemon.Start(ctx); err != nil {
		d.daemon = nil
		return err
	}
	return nil
}

// in puts the driver's namespace into a context.
func (d *Driver) in(ctx context.Context) context.Context {
	return namespaces.WithNamespace(ctx, d.o.Namespace)
}

// undo is a context for cleaning up: it outlives the caller's, but not for ever.
func (d *Driver) undo(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
}
