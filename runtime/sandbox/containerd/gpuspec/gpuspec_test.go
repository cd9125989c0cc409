//go:build cgo

package gpuspec

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxa100"
	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// machine is a scripted driver with eight GPUs, whose files lie in a folder.
func machine(t *testing.T) *Devices {
	t.Helper()
	server := dgxa100.New()
	for i, d := range server.Devices { // what the script lacks
		d := d.(*dgxa100.Device)
		d.GetMaxMigDeviceCountFunc = func() (int, nvml.Return) { return 0, nvml.SUCCESS }
		d.GetIndexFunc = func() (int, nvml.Return) { return i, nvml.SUCCESS }
		d.GetUUIDFunc = func() (string, nvml.Return) { return d.UUID, nvml.SUCCESS }
	}
	root := t.TempDir()
	version, ret := server.SystemGetDriverVersion()
	if ret != nvml.SUCCESS {
		t.Fatal(ret)
	}
	for _, name := range []string{"libcuda.so." + version, "libnvidia-ml.so." + version} {
		path := filepath.Join(root, "usr/lib/x86_64-linux-gnu", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	nodes := []string{"nvidiactl", "nvidia-uvm"}
	for i := range server.Devices {
		nodes = append(nodes, fmt.Sprintf("nvidia%d", i))
	}
	if err := os.Mkdir(filepath.Join(root, "dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range nodes {
		if err := unix.Mknod(filepath.Join(root, "dev", name), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil { // as /dev/null
			t.Fatal(err)
		}
	}
	return &Devices{Dir: filepath.Join(t.TempDir(), "cdi"), dirs: []string{filepath.Join(root, "etc/cdi")}, nvml: server, driver: root}
}

func TestASpecificationIsWrittenWhereNoneIsInstalled(t *testing.T) {
	d := machine(t)
	var s specs.Spec
	if err := d.Inject(&s, []string{"nvidia.com/gpu=1", "nvidia.com/gpu=3"}); err != nil {
		t.Fatal(err)
	}
	var nodes, mounts []string
	for _, n := range s.Linux.Devices {
		nodes = append(nodes, n.Path)
	}
	for _, m := range s.Mounts {
		mounts = append(mounts, filepath.Base(m.Destination))
	}
	if !slices.ContainsFunc(mounts, func(m string) bool { return strings.HasPrefix(m, "libcuda.so.") }) {
		t.Errorf("mounts %v", mounts)
	}
	t.Log(nodes, mounts)
	if st, err := os.Stat(filepath.Join(d.Dir, "nvidia.yaml")); err != nil || st.Mode().Perm()&0o044 == 0 {
		t.Errorf("the file: %v, %v", st, err)
	}
	for _, name := range []string{"nvidia.com/gpu=all", "nvidia.com/gpu=" + d.nvml.(*dgxa100.Server).Devices[5].(*dgxa100.Device).UUID} {
		if err := d.Inject(&specs.Spec{}, []string{name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADeviceThatIsNotThereIsNamed(t *testing.T) {
	d := machine(t)
	for _, name := range []string{"nvidia.com/gpu=8", "example.com/gpu=0"} {
		if err := d.Inject(&specs.Spec{}, []string{name}); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	none := &Devices{Dir: t.TempDir(), dirs: []string{t.TempDir()}}
	if err := none.Inject(&specs.Spec{}, []string{"nvidia.com/gpu=0"}); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "driver") {
		t.Errorf("without a driver: %v", err)
	}
}

// TestAnUnknownDeviceIsToldWithWhatThereIs, and with the files that cannot be used: the device may be in one of them.
func TestAnUnknownDeviceIsToldWithWhatThereIs(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a.json", `{"cdiVersion": "0.5.0", "kind": "example.com/gpu", "devices": [{"name": "0", "containerEdits": {"env": ["A=1"]}}]}`)
	write("b.yaml", "cdiVersion: 0.5.0\nkind: [\n")
	write("c.json", `{"cdiVersion": "0.5.0", "kind": "example.com/other", "devices": [{"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/nowhere-at-all"}]}}]}`)
	d := &Devices{Dir: t.TempDir(), dirs: []string{dir}}
	var unknown *UnknownError
	err := d.Inject(&specs.Spec{}, []string{"example.com/gpu=1"})
	if !errors.As(err, &unknown) || !errdefs.IsFailedPrecondition(err) {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "b.yaml")
	for _, want := range []string{"no CDI specification names example.com/gpu=1; example.com/gpu=0, example.com/other=0 would do; " + broken + " cannot be used (", "mend it, or remove it"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if n := strings.Count(err.Error(), broken); n != 1 {
		t.Errorf("the file is named %d times: %v", n, err)
	}
	if err := d.Inject(&specs.Spec{}, []string{"example.com/other=0"}); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "/dev/nowhere-at-all") || !strings.Contains(err.Error(), "nvidia-ctk cdi generate") {
		t.Errorf("a device that has gone: %v", err)
	}
}

// TestABrokenFileIsPassedOverAndTold: the GPUs serve by a specification written here, and the log names the file.
func TestABrokenFileIsPassedOverAndTold(t *testing.T) {
	d := machine(t)
	var log bytes.Buffer
	d.Log = slog.New(slog.NewTextHandler(&log, nil))
	if err := os.MkdirAll(d.dirs[0], 0o755); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(d.dirs[0], "nvidia.yaml")
	if err := os.WriteFile(broken, []byte("kind: [\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := d.Inject(&specs.Spec{}, []string{"nvidia.com/gpu=0"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "file="+broken) {
		t.Errorf("the log:\n%s", log.String())
	}
}

func TestWhatIsInstalledCounts(t *testing.T) {
	d := machine(t)
	if err := os.MkdirAll(d.dirs[0], 0o755); err != nil {
		t.Fatal(err)
	}
	const theirs = `{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [{"name": "0", "containerEdits": {"env": ["THEIRS=1"]}}]}`
	if err := os.WriteFile(filepath.Join(d.dirs[0], "nvidia.json"), []byte(theirs), 0o644); err != nil {
		t.Fatal(err)
	}
	s := specs.Spec{Process: &specs.Process{}}
	if err := d.Inject(&s, []string{"nvidia.com/gpu=0"}); err != nil || !slices.Contains(s.Process.Env, "THEIRS=1") {
		t.Errorf("%v, %v", s.Process.Env, err)
	}
	if err := d.Inject(&specs.Spec{}, []string{"nvidia.com/gpu=1"}); err == nil {
		t.Error("another specification was written beside the installed one")
	}
}
