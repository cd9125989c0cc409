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

// TestATagIsNotChosen: oci:FOLDER:TAG, which skopeo and buildah take, is told apart from a folder that is not there.
func TestATagIsNotChosen(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		dir + ":v1.2": "write oci:" + dir + " where v1.2 is its only image", dir + "-gone:v1.2": "is not an image", dir + ":": "is not an image",
	} {
		_, err := New(nil, nil, nil).Resolve(t.Context(), "oci:"+path)
		if !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
