package spec

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// MountRoots say what of this machine functions may mount: what lies below Data or below the folder of the function's own
// manifest, and whatever More names. Only a path's real place counts, after its symbolic links.
type MountRoots struct {
	Data      string   // the control plane's data folder; "": none
	Manifests string   // folder of manifests: of what lies in it a function mounts what is in its own folder only
	Own       []string // what the control plane keeps for itself: names in Data, or absolute paths. Nobody mounts them, nor what holds them
	Shared    []string // what all functions read, such as the model bundles: names or paths as in Own. Nobody mounts them writable
	More      []string // folders besides, absolute
}

// Allowed returns the root below which the source of a mount lies, both without symbolic links, or says in a sentence why
// fn may not mount it. A source that does not exist is an fs.ErrNotExist. The answer may be out of date at once: a driver
// opens the rest of the path below the root, with nothing that leads out of it.
func (r MountRoots) Allowed(fn *Function, m Mount) (root, source string, err error) {
	if source, err = filepath.EvalSymlinks(m.Source); err != nil {
		return "", "", fmt.Errorf("mount source %s: %w", m.Source, err)
	}
	if kept := r.kept(r.Own, source); kept != "" {
		return "", "", fmt.Errorf("mount source %s is or holds %s, which is the control plane's own: mount a folder of the function's", m.Source, kept)
	}
	if m.Writable {
		if kept := r.kept(r.Shared, source); kept != "" {
			return "", "", fmt.Errorf("mount source %s is or holds %s, which other functions read: mount it not writable", m.Source, kept)
		}
	}
	own, all := resolved(fn.Dir), resolved(r.Manifests)
	if m.Writable && own != "" && below(source, own) {
		return "", "", fmt.Errorf("mount source %s holds the function's manifest, which the function could then change: mount a folder in it, or not writable", m.Source)
	}
	if all != "" && (below(source, all) || below(all, source)) && (own == "" || !below(own, source)) {
		return "", "", fmt.Errorf("mount source %s is or holds the manifest of other functions: mount a folder of this one's", m.Source)
	}
	for _, dir := range append([]string{r.Data, fn.Dir}, r.More...) {
		if root = resolved(dir); root != "" && below(root, source) {
			return root, source, nil
		}
	}
	return "", "", fmt.Errorf("mount source %s lies in no folder that functions may mount: put it below %s, or start the server with --mount-roots %s", m.Source, r.Data, m.Source)
}

// kept is the one of places, or the data folder, that a source is, lies in or holds; "" if none.
func (r MountRoots) kept(places []string, source string) string {
	if data := resolved(r.Data); data != "" && below(source, data) {
		return data
	}
	for _, name := range places {
		if !filepath.IsAbs(name) {
			name = filepath.Join(r.Data, name)
		}
		if place := resolved(name); place != "" && (below(place, source) || below(source, place)) {
			return place
		}
	}
	return ""
}

// resolved is a folder without symbolic links; "" where there is none.
func resolved(dir string) string {
	if dir == "" {
		return ""
	}
	path, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return ""
	}
	return path
}

// below tells whether path is dir or lies in it; both clean and absolute.
func below(dir, path string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// ParseMountRoots reads a list of folders that are separated as in PATH.
func ParseMountRoots(list string) ([]string, error) {
	roots := slices.DeleteFunc(filepath.SplitList(list), func(s string) bool { return s == "" })
	for _, dir := range roots {
		if st, err := os.Stat(dir); !filepath.IsAbs(dir) || err != nil || !st.IsDir() {
			return nil, fmt.Errorf("mount root %q is not the absolute path of a folder", dir)
		}
	}
	return roots, nil
}
