package image

import (
	"errors"
	"fmt"
	"testing"

	"github.com/containerd/errdefs"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestContainerdAwayIsNoFaultOfTheImage: the caller may try again, and the manifest is not to blame.
func TestContainerdAwayIsNoFaultOfTheImage(t *testing.T) {
	away := fmt.Errorf("failed to ingest: %w", status.Error(codes.Unavailable, "connection refused"))
	if err := notAnImage("/x", away); !errdefs.IsUnavailable(err) || errdefs.IsInvalidArgument(err) {
		t.Error(err)
	}
	if err := notAnImage("/x", errors.New("no index.json")); !errdefs.IsInvalidArgument(err) {
		t.Error(err)
	}
}
