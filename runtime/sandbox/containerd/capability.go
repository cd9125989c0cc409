package containerd

import (
	"context"
	"path/filepath"
)

// Checkpointing is what an instance's checkpoints depend on apart from the instance itself.
type Checkpointing struct {
	CRIU    string // path
	Version string // of CRIU
	Runtime string // the OCI runtime and its version
}

// Checkpoints says whether instances can be checkpointed and restored on this machine, and by what, or why not.
func (d *Driver) Checkpoints() (Checkpointing, error) {
	return Checkpointing{d.criu.Path, d.criu.Version, filepath.Base(d.runtime.Path) + " " + d.runtime.Version + " ids " + d.o.IDs.String()}, d.canCheckpoint()
}

// ResolveImage names the content of an image that a manifest may refer to by ref, without bringing it here, or says why there
// is none.
func (d *Driver) ResolveImage(ctx context.Context, ref string) (string, error) {
	return d.images.Resolve(d.in(ctx), ref)
}

// PinImage gives the digest that an image's tag stands for at its registry now; "" of an image that no registry can move.
// What serves is kept where the registry says nothing.
func (d *Driver) PinImage(ctx context.Context, ref, serves string) (string, error) {
	return d.images.Pin(d.in(ctx), ref, serves)
}

// ImageDigest names the content of an image that a manifest refers to, bringing it here if need be.
func (d *Driver) ImageDigest(ctx context.Context, ref string) (string, error) {
	img, err := d.images.Get(d.in(ctx), ref, nil)
	if err != nil {
		return "", err
	}
	return img.Digest.String(), nil
}
