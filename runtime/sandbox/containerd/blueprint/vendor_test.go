package blueprint

import (
	"path/filepath"
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

// TestLibrariesAreFoundByTheirShortNames takes a library of this machine's as the vendor's.
func TestLibrariesAreFoundByTheirShortNames(t *testing.T) {
	found, err := filepath.Glob("/lib/*-linux-gnu/libc.so.6")
	if err != nil || len(found) == 0 {
		t.Fatal("no libc.so.6 on this machine: ", err)
	}
	for _, named := range []bool{false, true} {
		hooks := []specs.Hook{{Path: "/usr/bin/nvidia-cdi-hook", Args: []string{"nvidia-cdi-hook", "update-ldcache", "--folder", "/lib/x"}}}
		if named {
			hooks = append(hooks, specs.Hook{Path: "/usr/bin/nvidia-cdi-hook", Args: []string{"nvidia-cdi-hook", "create-symlinks", "--link", "libc.so.6.1.2::/lib/x/libc.so.6"}})
		}
		s := &specs.Spec{
			Process: &specs.Process{},
			Mounts:  []specs.Mount{{Source: found[0], Destination: "/lib/x/libc.so.6.1.2"}, {Source: found[0], Destination: "/lib/other/libc.so.6.1.2"}},
			Hooks:   &specs.Hooks{CreateContainer: hooks},
		}
		links := VendorHooks(s)
		if len(links) != 1 || links[0] != (image.Target{Path: "/lib/x/libc.so.6", Link: "libc.so.6.1.2"}) {
			t.Errorf("named %v: links %+v", named, links)
		}
	}
}
