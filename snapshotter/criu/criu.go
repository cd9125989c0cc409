// Package criu knows CRIU, the program that writes processes to files and makes processes of such files: which versions
// serve, how it is configured for instances, what its logs say, and how to spare it from finding out about the kernel anew
// each time. It does not run dumps and restores: the container runtime does.
package criu

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/snapshotter"
)

// Oldest is the first version that works on Linux 6.16 and newer, where SO_PASSCRED changed.
const Oldest = "4.2"

// Config is the file that CRIU reads in addition to its command line, which the container runtime writes.
//
//   - The shim restores without tcp-established, and the function's long poll to init is an established connection.
//   - The network is not locked by packet filter, which would cost four programs per checkpoint and restore: both ends of
//     every connection are frozen in the same namespace, where loopback has delivered what was sent, so nothing can move
//     between the dump of one end and that of the other.
//   - The runtime has put CRIU into the instance's control group, where its children stay, so CRIU need not look at groups.
//     Left to itself it would, under the unified hierarchy, make the original's group again and put the processes there,
//     beyond the reach of the restored instance's limits. It cannot make a cgroup namespace then: instances have none.
//   - Locks of files are written and taken again: a database holds some, NVIDIA's driver too. Nobody else than the
//     instance's own processes can hold one of its files, so none is taken from anybody.
const Config = "tcp-established\nnetwork-lock skip\nmanage-cgroups=ignore\nfile-locks\n"

// Probe asks a CRIU for its version and has it check the kernel. It must be root for that.
func Probe(ctx context.Context, path string) snapshotter.Capability {
	c := snapshotter.Capability{Driver: "criu", Fix: "make setup"}
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	if err != nil {
		c.Reason = "CRIU does not run: " + err.Error()
		return c
	}
	c.Version = version.FindString(string(out))
	if Older(c.Version, Oldest) {
		c.Reason = "CRIU " + c.Version + " is too old, " + Oldest + " or newer is needed"
		return c
	}
	if out, err := exec.CommandContext(ctx, path, "check").CombinedOutput(); err != nil {
		c.Reason, c.Fix = "criu check: "+firstFault(out, err), "run criu check as root"
		return c
	}
	c.OK, c.Fix = true, ""
	return c
}

var version = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

// Older compares dotted numbers, so that 4.10 is newer than 4.2. What has no number is older than all.
func Older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		if x, y := part(as, i), part(bs, i); x != y {
			return x < y
		}
	}
	return false
}

func part(s []string, i int) int {
	if i >= len(s) {
		return 0
	}
	n, _ := strconv.Atoi(s[i])
	return n
}

// firstFault is the first line of CRIU's output that tells of one.
func firstFault(out []byte, err error) string {
	if lines := faults(bytes.NewReader(out)); len(lines) > 0 {
		return lines[0]
	}
	return err.Error()
}
