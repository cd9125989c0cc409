package blueprint

import (
	"debug/elf"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
)

// NVIDIA's device files name hooks that write into the container's root: links to libraries, and the loader's cache. Ours is
// read-only and belongs to nobody in the instance's user namespace, so they could only fail, and the start with them. What
// they are for is had in other ways: links are made when the root is, and folders of libraries go on the loader's path.
// The others of that program adapt what an image brings, which is left as it is.

// VendorHooks takes NVIDIA's hooks out of a specification and returns the links that they would make.
func VendorHooks(s *specs.Spec) (links []image.Target) {
	if s.Hooks == nil {
		return nil
	}
	var folders []string
	kept := s.Hooks.CreateContainer[:0]
	for _, h := range s.Hooks.CreateContainer {
		if !nvidias(h) {
			kept = append(kept, h)
			continue
		}
		for _, v := range values(h.Args, "--link") {
			if to, path, ok := strings.Cut(v, "::"); ok {
				links = append(links, image.Target{Path: path, Link: to})
			}
		}
		folders = append(folders, values(h.Args, "--folder")...)
	}
	s.Hooks.CreateContainer = kept
	addLibraries(s, folders)
	return shortNames(s, folders, links)
}

// shortNames adds the links by which programs ask for libraries, libcuda.so.1 for libcuda.so.580.1, which the loader's cache would
// make in the folders, where the vendor names none.
func shortNames(s *specs.Spec, folders []string, links []image.Target) []image.Target {
	for _, m := range s.Mounts {
		dir, base := filepath.Split(m.Destination)
		if !strings.Contains(base, ".so.") || !slices.Contains(folders, filepath.Clean(dir)) {
			continue
		}
		name := soname(m.Source)
		path := filepath.Join(dir, name)
		named := slices.ContainsFunc(links, func(l image.Target) bool { return l.Path == path })
		if name != "" && name != base && !strings.Contains(name, "/") && !named {
			links = append(links, image.Target{Path: path, Link: base})
		}
	}
	return links
}

// soname is the name that a library calls itself by; "" where it is none.
func soname(path string) string {
	f, err := elf.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	names, err := f.DynString(elf.DT_SONAME)
	if err != nil || len(names) == 0 {
		return ""
	}
	return names[0]
}

func nvidias(h specs.Hook) bool {
	name := filepath.Base(h.Path)
	return name == "nvidia-cdi-hook" || name == "nvidia-ctk"
}

// values are those of an option that may be given several times, as "--x v" or "--x=v".
func values(args []string, option string) (list []string) {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, option+"="); ok {
			list = append(list, v)
		} else if a == option && i+1 < len(args) {
			list = append(list, args[i+1])
		}
	}
	return list
}

// addLibraries puts folders behind what the image has on the loader's path.
func addLibraries(s *specs.Spec, folders []string) {
	const name = "LD_LIBRARY_PATH"
	if len(folders) == 0 {
		return
	}
	e := newEnviron(s.Process.Env)
	all := strings.Join(folders, ":")
	if i := e.index(name); i >= 0 {
		all = strings.TrimPrefix(e.list[i], name+"=") + ":" + all
	}
	e.set(name, all)
	s.Process.Env = e.list
}
