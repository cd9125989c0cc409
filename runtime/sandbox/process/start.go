package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/procfs"
	"github.com/videosdgx/videosdgx/runtime/instance"
)

// Start runs init, which runs the command.
func (b *box) Start(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.removed || b.proc != nil {
		return fmt.Errorf("instance %s is not staged: %w", b.rec.ID, errdefs.ErrFailedPrecondition)
	}
	cmd, log, err := b.command()
	if err != nil {
		return fmt.Errorf("start instance %s: %w", b.rec.ID, err)
	}
	defer log.Close()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start instance %s: %w", b.rec.ID, err)
	}
	st, _ := procfs.ReadStat(cmd.Process.Pid)
	b.rec.PID, b.rec.Started, b.rec.Boot = cmd.Process.Pid, st.Started, bootID()
	b.proc = cmd.Process
	go b.wait(cmd)
	if err := b.rec.save(b.home); err != nil {
		cmd.Process.Kill() // it could not be found again
		return fmt.Errorf("record instance %s (is the disk full?): %w", b.rec.ID, err)
	}
	return nil
}

func (b *box) command() (*exec.Cmd, *os.File, error) {
	log, err := openLog(b.rec.Log)
	if err != nil {
		return nil, nil, err
	}
	args := append([]string{"-dir", b.rec.Dir, "--"}, b.rec.Command...)
	cmd := exec.Command(b.driver.opt.Init, args...)
	cmd.Dir, cmd.Env = b.rec.WorkDir, b.environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, log, nil
}

// openLog opens the log for appending; none goes to /dev/null.
func openLog(path string) (*os.File, error) {
	if path == "" {
		path = os.DevNull
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}

// passed are the server's own variables that a function gets to see; nothing else of its environment is its business.
var passed = []string{"PATH", "LANG", "LD_LIBRARY_PATH", "VIDEOSDGX_ORT_LIB", "VIDEOSDGX_GPU_LIB", "VIDEOSDGX_CUDA_KERNELS", "VIDEOSDGX_KERNELS_LIB", "CUDA_VISIBLE_DEVICES", "SSL_CERT_FILE"}

func (b *box) environment() []string {
	scratch := filepath.Join(b.home, "scratch")
	env := []string{
		markName + "=" + b.rec.ID, "HOME=" + scratch, "TMPDIR=" + filepath.Join(scratch, "tmp"),
		"GODEBUG=multipathtcp=0",
	}
	for _, name := range passed {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	env = append(env, visible(b.rec.GPUs)...)
	if b.rec.Bundle != "" {
		env = append(env, "VIDEOSDGX_MODEL="+b.rec.Bundle)
	}
	return env
}

// visible are the variables by which CUDA shows a process the GPUs that it is given, and no other: by index, in NVML's order, or by
// UUID. All of them are shown to one that is given all, or names none.
func visible(gpus []string) []string {
	var ids []string
	for _, name := range gpus {
		_, id, ok := strings.Cut(name, "=")
		if !ok || id == "all" {
			return nil
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	return []string{"CUDA_DEVICE_ORDER=PCI_BUS_ID", "CUDA_VISIBLE_DEVICES=" + strings.Join(ids, ","), "NVIDIA_VISIBLE_DEVICES=" + strings.Join(ids, ",")}
}

// wait sees a child of ours to its end.
func (b *box) wait(cmd *exec.Cmd) {
	code := -1
	if err := cmd.Wait(); err == nil || errors.As(err, new(*exec.ExitError)) {
		code = exitCode(cmd.ProcessState)
	}
	b.ended(code)
}

func exitCode(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return s.ExitCode()
}

// ended ends what init has left behind and says that nothing is left.
func (b *box) ended(code int) {
	sweep(b.rec.PID, b.rec.ID)
	b.mu.Lock()
	b.exit = instance.Exit{Code: code, At: time.Now()}
	b.mu.Unlock()
	close(b.exited)
}
