package blueprint

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/network"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/place"
)

// insideCPUs is all of sysfs that inference libraries read: how many CPUs of which kind there are.
const insideCPUs = "/sys/devices/system"

// mounts are the only ones an instance has.
func (b Blueprint) mounts() []specs.Mount {
	scratch := int64(b.Config.Function.Limits.Scratch)
	m := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=64k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", size(scratch)}},
		{Destination: insideCPUs, Type: "bind", Source: insideCPUs, Options: []string{"rbind", "nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=1777", size(scratch)}},
		bind(b.Init, insideInit, false),
		bind(b.Config.Dir, insideDir, true),
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

func size(n int64) string {
	if n <= 0 {
		n = 512 << 20 // the manifest's default
	}
	return fmt.Sprintf("size=%d", n)
}

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
		if known[m.Destination] || strings.HasPrefix(m.Destination, "/dev/") {
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
