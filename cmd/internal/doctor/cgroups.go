package doctor

import (
	"context"
	"os"
	"strings"
)

// Cgroups says which version limits the instances.
func Cgroups() Probe { return cgroupsIn("/sys/fs/cgroup") }

func cgroupsIn(root string) Probe {
	return func(context.Context) Finding {
		f := Finding{Part: "cgroups", Detail: root}
		if b, err := os.ReadFile(root + "/cgroup.controllers"); err == nil {
			return withControllers(f, "v2", strings.Fields(string(b)))
		}
		var have []string
		for _, c := range controllers {
			if st, err := os.Stat(root + "/" + c); err == nil && st.IsDir() {
				have = append(have, c)
			}
		}
		return withControllers(f, "v1", have)
	}
}

// controllers are what limits on an instance need.
var controllers = []string{"cpu", "memory", "pids"}

func withControllers(f Finding, version string, have []string) Finding {
	var missing []string
	for _, c := range controllers {
		found := false
		for _, h := range have {
			found = found || h == c
		}
		if !found {
			missing = append(missing, c)
		}
	}
	f.Version, f.OK = version, len(missing) == 0
	if !f.OK {
		f.Detail = "controllers missing: " + strings.Join(missing, ", ") + "; those limits are not enforced"
		f.Fix = "boot with these controllers enabled"
	}
	return f
}
