package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// root is the repository's, as seen from here.
const root = "../../.."

var scratch string // removed at the end

func TestMain(m *testing.M) {
	if signal.Ignored(syscall.SIGHUP) { // what is started by nohup hands that down, and a server would hear none
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	var err error
	if scratch, err = os.MkdirTemp("", "vdgx-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := os.Chmod(scratch, 0o755); err != nil { // a function runs as another user and reads its bundle here
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// programs gives the folder of the programs, built once when none is named.
var programs = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("VIDEOSDGX_TEST_BIN"); dir != "" {
		return filepath.Abs(dir)
	}
	dir := filepath.Join(scratch, "bin")
	for _, p := range []struct{ out, pkg, cgo string }{
		{"videosdgx", "./cmd/videosdgx", "1"}, {"videosdgx-init", "./cmd/videosdgx-init", "0"},
		{"functions/echo", "./images/echo", "0"}, {"functions/wan21", "./functions/wan21/cmd/wan21", "1"}, {"functions/magi1", "./functions/magi1/cmd/magi1", "1"},
	} {
		cmd := exec.Command("go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-o", filepath.Join(dir, p.out), p.pkg)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED="+p.cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building %s: %w\n%s", p.pkg, err, out)
		}
	}
	kernels := exec.Command("make", "-s", "kernels", "KERNELS="+filepath.Join(dir, "lib", "libvideosdgx_kernels.so")) // the image has them
	kernels.Dir = root
	if out, err := kernels.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make kernels: %w\n%s", err, out)
	}
	return dir, nil
})

// made gives what one of the commands makes into a folder, once for all tests.
func made(name string, args ...string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		bin, err := programs()
		if err != nil {
			return "", err
		}
		dir := filepath.Join(scratch, name)
		cmd := exec.Command(filepath.Join(bin, "videosdgx"), append(args, "-o", dir)...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("videosdgx %v: %w\n%s", args, err, out)
		}
		return dir, nil
	})
}

const checkpoint = "images/demo/wan21-tiny"

var (
	bundle      = made("bundle", "models", "build", checkpoint)
	otherBundle = made("striped", "models", "build", checkpoint, "--lora", "images/demo/loras/striped.safetensors")
	wan21OCI    = made("wan21.oci", "image", "build", "images/wan21")
	ltx2OCI     = made("ltx2.oci", "image", "build", "images/ltx2")
	ltx2Demo    = made("ltx2.bundle", "models", "build", "images/demo/ltx2-tiny")
	echoImage   = made("echo.oci", "image", "build", "images/echo")
)

func need(t *testing.T, get func() (string, error)) string {
	t.Helper()
	v, err := get()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// eachDriver runs a test on every driver that this machine has.
func eachDriver(t *testing.T, test func(t *testing.T, driver string)) {
	t.Run("process", func(t *testing.T) { test(t, "process") })
	t.Run("containerd", func(t *testing.T) { needContainerd(t); test(t, "containerd") })
}

// needContainerd fails where the driver is required and skips, saying so, where it cannot be.
func needContainerd(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 || os.Getenv("VIDEOSDGX_TEST_CONTAINERD") != "" {
		return // whatever is missing, the server says when it starts
	}
	t.Skip("LEFT OUT: the containerd driver needs root: sudo make test")
}
