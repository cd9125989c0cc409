package doctor

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// oldestCRIU is the first version that works on kernels from 6.16 on, where SO_PASSCRED changed.
const oldestCRIU = "4.2"

// CRIU looks in VideosDGX's own prefix first, then on the PATH, and runs criu check.
func CRIU() Probe {
	prefix := os.Getenv("VIDEOSDGX_CRIU")
	if prefix == "" {
		prefix = "/opt/criu"
	}
	find := program("CRIU", false, "make setup", filepath.Join(prefix, "sbin/criu"), "criu")
	return func(ctx context.Context) Finding {
		f := find(ctx)
		if !f.OK {
			f.Detail += ": snapshots are off, everything starts plainly"
			return f
		}
		if older(f.Version, oldestCRIU) {
			f.OK, f.Fix = false, "make setup"
			f.Detail += " is older than " + oldestCRIU + ", which this kernel may need"
			return f
		}
		if out, err := exec.CommandContext(ctx, f.Detail, "check").CombinedOutput(); err != nil {
			f.OK, f.Fix = false, "run criu check as root"
			f.Detail += ": criu check: " + firstError(string(out), err)
		}
		return f
	}
}

// older compares dotted numbers, so that 4.10 is newer than 4.2.
func older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range bs {
		x, y := 0, 0
		if i < len(as) {
			x, _ = strconv.Atoi(as[i])
		}
		y, _ = strconv.Atoi(bs[i])
		if x != y {
			return x < y
		}
	}
	return false
}

func firstError(out string, err error) string {
	for line := range strings.SplitSeq(out, "\n") {
		if strings.Contains(line, "Error") {
			return strings.TrimSpace(line)
		}
	}
	return err.Error()
}
