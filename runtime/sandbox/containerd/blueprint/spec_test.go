package blueprint

import (
	"slices"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestWhatAnInstanceRuns(t *testing.T) {
	im := &image.Image{}
	im.Config = ocispec.ImageConfig{Entrypoint: []string{"/entry"}, Cmd: []string{"index.handler"}}
	for _, c := range []struct {
		fn   spec.Function
		want []string
	}{
		{spec.Function{}, []string{"/entry", "index.handler"}},
		{spec.Function{Args: []string{"index.other"}}, []string{"/entry", "index.other"}},
		{spec.Function{Command: []string{"/mine"}}, []string{"/mine"}},
		{spec.Function{Command: []string{"/mine"}, Args: []string{"a", "b"}}, []string{"/mine", "a", "b"}},
	} {
		args, err := Blueprint{Config: instance.Config{Function: c.fn}, Image: im}.args()
		if err != nil || !slices.Equal(args[slices.Index(args, "--")+1:], c.want) {
			t.Errorf("%+v: %v %v, want %v", c.fn, args, err, c.want)
		}
	}
	if im.Config.Cmd[0] != "index.handler" {
		t.Error("the image's own was changed")
	}
}
