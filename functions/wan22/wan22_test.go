package wan22

import (
	"context"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// The demo is of Wan 2.1, and its bundle not taken for one of 2.2.
func TestAnotherFamilyIsRefused(t *testing.T) {
	b := &weights.Bundle{Manifest: weights.Manifest{Family: "wan21"}, Dir: "here"}
	if _, err := Open(context.Background(), &bundle.Model{Bundle: b}); !errdefs.IsInvalidArgument(err) {
		t.Errorf("got %v", err)
	}
}
