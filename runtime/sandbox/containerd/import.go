package containerd

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/daemon"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
)

// Import brings an OCI layout's folder, or an archive of one, as ref into a containerd that runs, unpacked, so that an
// instance starts from it at once. o needs Data and Address ("" is the system's); nothing is started for it. It returns
// the image's digest.
func Import(ctx context.Context, o Options, path, ref string) (string, error) {
	if o.Address == "" {
		o.Address = SystemAddress
	}
	d := &Driver{o: o.WithDefaults()}
	if !daemon.Listens(d.o.Address) {
		return "", fmt.Errorf("no containerd answers on %s: start it, run as a user who may use it, or name its socket with --containerd: %w", d.o.Address, errdefs.ErrUnavailable)
	}
	if err := d.connect(ctx); err != nil {
		return "", err
	}
	defer d.client.Close()
	d.images = image.New(d.client, d.o.Log, nil)
	d.images.Limits = o.Images
	if err := d.images.ChooseSnapshotter(d.in(ctx)); err != nil {
		return "", err
	}
	if err := d.Import(ctx, path, ref); err != nil {
		return "", err
	}
	record, err := d.client.ImageService().Get(d.in(ctx), ref)
	return record.Target.Digest.String(), err
}

// Import brings an OCI layout's folder, or an archive of one, into containerd as ref, ready to start from.
func (d *Driver) Import(ctx context.Context, path, ref string) error {
	ctx = d.in(ctx)
	if _, err := d.images.Load(ctx, path, ref, d.o.Hear); err != nil {
		return err
	}
	_, err := d.images.Get(ctx, ref, d.o.Hear)
	return err
}
