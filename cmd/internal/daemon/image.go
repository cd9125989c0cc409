package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// ImportImage brings an OCI layout into the containerd behind a socket ("": the system's), where instances find it by its
// name. It returns the socket. hear, which may be nil, hears how far it is.
func ImportImage(ctx context.Context, socket, layout, name string, hear func(spec.StartStep)) (string, error) {
	if socket == "" {
		socket = containerd.SystemAddress
	}
	o := containerd.Options{Data: layout, Address: socket, Log: slog.New(slog.DiscardHandler), Hear: hear}
	_, err := containerd.Import(ctx, o, layout, name)
	return socket, err
}

// resolveImage is the driver's way to name an image's content, or to say that there is no such image; nil where the driver runs
// none.
func (p *plane) resolveImage() func(context.Context, string) (string, error) {
	if d, ok := p.sandbox.(interface {
		ResolveImage(ctx context.Context, ref string) (string, error)
	}); ok {
		return d.ResolveImage
	}
	return nil
}

// pinImage is the driver's way to resolve an image's tag for a deployment; nil where it runs no images.
func (p *plane) pinImage() func(context.Context, string, string) (string, error) {
	if d, ok := p.sandbox.(interface {
		PinImage(ctx context.Context, ref, serves string) (string, error)
	}); ok {
		return d.PinImage
	}
	return nil
}

// idleImage is how long an image must not have been used to go: what is being started may be of a function that is gone already.
const idleImage = time.Hour

// pruneImages removes images that functions have brought and that none uses any more. It is asked again and again.
func (p *plane) pruneImages(ctx context.Context) {
	d, ok := p.sandbox.(interface {
		PruneImages(ctx context.Context, refs []string, idle time.Duration) ([]string, error)
	})
	if !ok {
		return
	}
	refs, err := p.imageRefs(ctx)
	if err == nil {
		_, err = d.PruneImages(ctx, refs, idleImage)
	}
	if err != nil && ctx.Err() == nil {
		p.log.Warn("images that no function uses are left", "error", err)
	}
}

// imageRefs are the images of all versions of all functions.
func (p *plane) imageRefs(ctx context.Context) (refs []string, err error) {
	for _, name := range p.registry.Names() {
		versions, err := p.registry.Versions(ctx, name)
		if errdefs.IsNotFound(err) {
			continue // it went meanwhile
		}
		if err != nil {
			return nil, err
		}
		for _, fn := range versions {
			refs = append(refs, fn.Ref())
		}
	}
	return refs, nil
}

// checkImage is resolveImage for who wants the error alone.
func (p *plane) checkImage() func(context.Context, string) error {
	resolve := p.resolveImage()
	if resolve == nil {
		return nil
	}
	return func(ctx context.Context, ref string) error {
		_, err := resolve(ctx, ref)
		return err
	}
}

// checkRuns is the driver's way to say that it could make no instance of a function; nil where it can of any that has an image.
func (p *plane) checkRuns() func(spec.Function) error {
	if d, ok := p.sandbox.(interface{ Runs(fn spec.Function) error }); ok {
		return d.Runs
	}
	return nil
}
