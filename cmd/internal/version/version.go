// Package version says which VideosDGX this is.
package version

import (
	"runtime"
	"runtime/debug"
)

// Version and Commit are set at link time (-X); without that the module's own build information answers.
var (
	Version = "0.1.0-dev"
	Commit  = ""
)

// Info is what `videosdgx version` and the control API answer.
type Info struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// Get collects it.
func Get() Info {
	return Info{Version: Version, Commit: commit(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
}

func commit() string {
	if Commit != "" {
		return Commit
	}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return ""
}
