package daemon

import (
	"context"
	"log/slog"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd"
)

// ImportImage brings an OCI layout into the containerd behind a socket ("": the system's), where instances find it by its
// name. It returns the socket. progress, which may be nil, hears how many bytes of its layers have been unpacked.
func ImportImage(ctx context.Context, socket, layout, name string, progress func(done, total int64)) (string, error) {
	if socket == "" {
		socket = containerd.SystemAddress
	}
	o := containerd.Options{Data: layout, Address: socket, Log: slog.New(slog.DiscardHandler), Progress: progress}
	_, err := containerd.Import(ctx, o, layout, name)
	return socket, err
}

// checkImage is the driver's way to say that there is no such image; nil where the driver runs none.
func (p *plane) checkImage() func(context.Context, string) error {
	if d, ok := p.sandbox.(interface {
		CheckImage(ctx context.Context, ref string) error
	}); ok {
		return d.CheckImage
	}
	return nil
}
