package blueprint

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// vendor puts mounts into specifications as device files name them.
type vendor []specs.Mount

func (v vendor) Inject(s *specs.Spec, _ []string) error {
	s.Mounts = append(s.Mounts, v...)
	return nil
}

func TestBindMountsOfDevicesSayThatTheyAre(t *testing.T) {
	v := vendor{
		{Destination: "/a", Options: []string{"ro", "nosuid", "nodev", "rbind", "rprivate"}},
		{Destination: "/b", Options: []string{"bind", "ro"}},
		{Destination: "/c", Type: "tmpfs", Options: []string{"ro"}},
		{Destination: "/d", Options: []string{"ro"}},
	}
	var s specs.Spec
	b := Blueprint{Config: instance.Config{Function: spec.Function{GPUs: []string{"example.com/gpu=0"}}}, Devices: v}
	if err := b.devices(&s); err != nil || len(s.Mounts) != len(v) {
		t.Fatalf("%+v, %v", s.Mounts, err)
	}
	for i, want := range []string{"bind", "bind", "tmpfs", ""} {
		if s.Mounts[i].Type != want {
			t.Errorf("%s is of type %q, want %q", s.Mounts[i].Destination, s.Mounts[i].Type, want)
		}
	}
}
