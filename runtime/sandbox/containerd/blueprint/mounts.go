package blueprint

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/network"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/place"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// insideCPUs is all of sysfs that inference libraries read: how many CPUs of which kind there are.
const insideCPUs = "/sys/devices/system"

// mounts are the only ones an instance has.
func (b Blueprint) mounts() []specs.Mount {
	l := b.Config.Function.Limits
	tmp, shm := scratch(l, 2), scratch(l, 4)
	m := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=64k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", size(shm)}},
		{Destination: insideCPUs, Type: "bind", Source: insideCPUs, Options: []string{"rbind", "nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=1777", size(tmp)}},
		bind(b.Init, insideInit, false),
		bind(b.Config.Dir, insideDir, true),
		bind(b.Files, insideFiles, false),
		bind(b.Hosts, "/etc/hosts", false),
	}
	if b.Config.Bundle != "" {
		m = append(m, bind(b.Config.Bundle, insideModel, false))
	}
	if b.Config.Function.Network == "bridge" {
		m = append(m, bind(network.ResolvConf(), "/etc/resolv.conf", false))
	}
	for i, x := range b.Config.Function.Mounts {
		m = append(m, bind(b.Sources[i], x.Target, x.Writable))
	}
	return m
}

// bind is private to the instance: what is mounted below the source later does not appear inside.
func bind(source, target string, writable bool) specs.Mount {
	mode := "ro"
	if writable {
		mode = "rw"
	}
	return specs.Mount{Destination: target, Type: "bind", Source: source, Options: []string{"bind", "nosuid", "nodev", "private", mode}}
}

// scratch is how large a file system in memory is: what the manifest says, but no more than a part of the memory, so that who
// fills it hears ENOSPC and is not killed for memory.
func scratch(l spec.Limits, part int64) int64 {
	return min(orElse(int64(l.Scratch), 512<<20), memory(l)/part)
}

func size(n int64) string { return fmt.Sprintf("size=%d", n) }

// Targets are the mount points, and the working folder, that the root file system must have: those that every instance
// has, so that functions of an image can share one, and those of the manifest and of its devices.
func (b Blueprint) Targets(s *specs.Spec) ([]image.Target, error) {
	t := []image.Target{
		{Path: "/proc"}, {Path: "/dev"}, {Path: insideCPUs}, {Path: "/tmp", Public: true}, {Path: insideDir}, {Path: insideModel}, {Path: b.cwd()},
		{Path: insideInit, File: true}, {Path: "/etc/hosts", File: true}, {Path: "/etc/resolv.conf", File: true},
	}
	known := map[string]bool{}
	for _, x := range t {
		known[x.Path] = true
	}
	for _, m := range s.Mounts {
		if known[m.Destination] || m.Destination == insideFiles || strings.HasPrefix(m.Destination, "/dev/") {
			continue
		}
		file, err := place.IsFile(m.Source)
		if err != nil && m.Type == "bind" {
			return nil, err
		}
		t = append(t, image.Target{Path: m.Destination, File: err == nil && file})
	}
	return t, nil
}
