package builder

import "runtime"

// cacheTag is how ldconfig -p marks libraries of this architecture.
var cacheTag = map[string]string{"amd64": "x86-64", "arm64": "AArch64"}[runtime.GOARCH]

// tripletOf is the multiarch folder of Debian and Ubuntu.
func tripletOf() string {
	return map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux-gnu"
}
