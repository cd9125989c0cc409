package image

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// TestNoImage: a function that is a command alone, as the process driver runs it, learns what to do about it.
func TestNoImage(t *testing.T) {
	_, err := New(nil, nil, nil).Get(t.Context(), "")
	if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "videosdgx image build") || !strings.Contains(err.Error(), "--driver process") {
		t.Error(err)
	}
}
