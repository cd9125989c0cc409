package image

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// TestNoImage: a function that is a command alone, as the process driver runs it, learns what to do about it.
func TestNoImage(t *testing.T) {
	s := New(nil, nil, nil)
	_, started := s.Get(t.Context(), "", nil)
	_, deployed := s.Resolve(t.Context(), "")
	for _, err := range []error{started, deployed} {
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "videosdgx image build") || !strings.Contains(err.Error(), "--driver process") {
			t.Error(err)
		}
	}
}
