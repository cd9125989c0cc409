package daemon

import (
	"context"
	"log/slog"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd"
)

// ImportImage brings an OCI layout into the containerd behind a socket ("": the system's), where instances find it by its
// name. It returns the socket.
func ImportImage(ctx context.Context, socket, layout, name string) (string, error) {
	if socket == "" {
		socket = containerd.SystemAddress
	}
	o := containerd.Options{Data: layout, Address: socket, Log: slog.New(slog.DiscardHandler)}
	_, err := containerd.Import(ctx, o, layout, name)
	return socket, err
}
