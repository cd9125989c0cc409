package device

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

const gib = spec.Bytes(1 << 30)

// machine is one of files below a folder.
func machine(t *testing.T, files map[string]string) *Machine {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &Machine{root: root, gpus: none{"none in a test"}}
}

const meminfo = "MemTotal:       134217728 kB\nMemFree:         1000 kB\nMemAvailable:   67108864 kB\nHugePages_Total:       0\n"

func TestSystemPool(t *testing.T) {
	for name, c := range map[string]struct {
		files                   map[string]string
		limit                   spec.Bytes
		total, floor, available spec.Bytes
	}{
		"plain": {map[string]string{"proc/meminfo": meminfo}, 0, 128 * gib, 8 * gib, 64 * gib},
		"in a control group with a limit further up": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
			"sys/fs/cgroup/a/memory.max": "17179869184\n", "sys/fs/cgroup/a/memory.current": "4294967296\n",
		}, 0, 16 * gib, 2 * gib, 12 * gib},
		"page cache in a control group is not used up": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "17179869184\n",
			"sys/fs/cgroup/a/memory.current": "16106127360\n",
			"sys/fs/cgroup/a/memory.stat":    "anon 4294967296\nfile 11811160064\ninactive_file 8589934592\nactive_file 3221225472\n",
		}, 0, 16 * gib, 2 * gib, 12 * gib},
		"control groups of version 1, and an empty one of version 2": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "9:cpu,cpuacct:/x\n4:memory:/a\n0::/a\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "17179869184\n", "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "5368709120\n",
			"sys/fs/cgroup/memory/a/memory.stat":         "cache 7\ntotal_inactive_file 1073741824\ntotal_active_file 0\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "9663676416\n",
		}, 0, 16 * gib, 2 * gib, 12 * gib},
		"as configured": {map[string]string{"proc/meminfo": meminfo}, 10 * gib, 18 * gib, 8 * gib, 64 * gib},
	} {
		t.Run(name, func(t *testing.T) {
			m := machine(t, c.files)
			m.limit = c.limit
			want := []placement.Pool{{Name: placement.System, Total: c.total, Floor: c.floor, Available: c.available}}
			if d := cmp.Diff(want, m.Pools()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestUnreadableMachineKeepsItsBudget(t *testing.T) {
	m := machine(t, map[string]string{"proc/meminfo": meminfo})
	m.Pools()
	if err := os.Remove(filepath.Join(m.root, "proc/meminfo")); err != nil {
		t.Fatal(err)
	}
	if p := m.Pools(); len(p) != 1 || p[0].Total != 128*gib || p[0].Available != -1 {
		t.Errorf("got %+v", p)
	}
}

func TestThisMachine(t *testing.T) {
	m, err := Open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p, err := m.Probe()
	if err != nil || p.Memory.Total <= 0 || p.Memory.Available > p.Memory.Total || (len(p.GPUs) == 0) != (p.NoGPU != "") {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzMeminfo(f *testing.F) {
	f.Add(meminfo)
	f.Add("MemTotal: x kB\n")
	f.Add("MemTotal:\nMemAvailable: 1 kB")
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := parseMeminfo(strings.NewReader(text)); err == nil && (m.Total <= 0 || m.Available <= 0) {
			t.Errorf("%+v without an error", m)
		}
	})
}
