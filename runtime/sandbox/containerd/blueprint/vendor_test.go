package blueprint

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
)

func TestVendorHooks(t *testing.T) {
	other := specs.Hook{Path: "/opt/vendor/hook", Args: []string{"hook"}}
	s := &specs.Spec{
		Process: &specs.Process{Env: []string{"LD_LIBRARY_PATH=/opt/image"}},
		Hooks: &specs.Hooks{CreateContainer: []specs.Hook{
			{Path: "/usr/bin/nvidia-ctk", Args: []string{"nvidia-ctk", "hook", "create-symlinks", "--link", "a.so.1::/lib/a.so"}},
			other,
			{Path: "/usr/bin/nvidia-cdi-hook", Args: []string{"nvidia-cdi-hook", "update-ldcache", "--folder", "/lib/x", "--folder=/lib/y"}},
			{Path: "/usr/bin/nvidia-cdi-hook", Args: []string{"nvidia-cdi-hook", "disable-device-node-modification"}},
		}},
	}
	links := VendorHooks(s)
	if len(links) != 1 || links[0] != (image.Target{Path: "/lib/a.so", Link: "a.so.1"}) {
		t.Errorf("links %+v", links)
	}
	if len(s.Hooks.CreateContainer) != 1 || s.Hooks.CreateContainer[0].Path != other.Path {
		t.Errorf("hooks %+v", s.Hooks.CreateContainer)
	}
	if len(s.Process.Env) != 1 || s.Process.Env[0] != "LD_LIBRARY_PATH=/opt/image:/lib/x:/lib/y" {
		t.Errorf("environment %v", s.Process.Env)
	}
}
