package wan22

import (
	"context"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// The demo is of Wan 2.1, and not taken for 2.2: neither its checkpoint nor its bundle.
func TestAnotherFamilyIsRefused(t *testing.T) {
	ckpt, err := weights.InspectCheckpoint("../../images/demo/wan21-tiny")
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	if _, err := Recipe(ckpt); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "is a checkpoint of wan21") {
		t.Errorf("got %v", err)
	}
	b := &weights.Bundle{Manifest: weights.Manifest{Family: "wan21"}, Dir: "here"}
	if _, err := Open(context.Background(), &bundle.Model{Bundle: b}); !errdefs.IsInvalidArgument(err) {
		t.Errorf("got %v", err)
	}
}
