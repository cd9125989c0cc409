package reseed

import (
	_ "embed"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/videosdgx/videosdgx/internal/procfs"
)

//go:embed python.py
var pythonScript []byte

// pythonSignal is what the script listens to: one that C libraries leave alone.
const pythonSignal = 63

// InstallPython writes the script into an instance's folder and gives the folder that is to be first in PYTHONPATH.
func InstallPython(dir string) (path string, err error) {
	path = filepath.Join(dir, "python")
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(filepath.Join(path, "sitecustomize.py"), pythonScript, 0o644)
}

// signalPython has a Python process renew its generators, if it has loaded the script; any other would die of it.
func signalPython(pid int) error {
	if !isPython(pid) || !listens(pid, pythonSignal) {
		return nil
	}
	return syscall.Kill(pid, pythonSignal)
}

func isPython(pid int) bool {
	return strings.HasPrefix(executable(pid), "python")
}

// executable is the name of the program that a process runs.
func executable(pid int) string {
	path, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	return filepath.Base(path)
}

// listens tells whether a process has a handler for a signal.
func listens(pid int, signal uint) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return false
	}
	caught, _ := procfs.Field(status, "SigCgt")
	mask, err := strconv.ParseUint(string(caught), 16, 64)
	return err == nil && mask&(1<<(signal-1)) != 0
}
