package spec

import (
	"os"
	"strings"
)

// Layout splits a Function's Image of the form oci:PATH or oci:PATH:TAG. PATH is the folder of an OCI layout, or the archive of
// one; TAG, "" where there is none, names one of its images, as skopeo, buildah and podman write it. A path that is there may
// hold colons itself. ok says whether it has that form at all.
func Layout(image string) (path, tag string, ok bool) {
	path, ok = strings.CutPrefix(image, "oci:")
	if !ok || exists(path) {
		return path, "", ok
	}
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == ':' && exists(path[:i]) {
			return path[:i], path[i+1:], true
		}
	}
	return path, "", true
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
