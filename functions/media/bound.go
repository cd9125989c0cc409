package media

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// readerSpace is what ffmpeg and ffprobe have of address space beside what they fill, in bytes: stacks of their threads and data of
	// libraries. Measured: 30 to 40 MiB of version 5; later ones have five threads more.
	readerSpace = 96 << 20
	// mostReading is what finding out what is in a file may take where no limit of memory is known, in bytes.
	mostReading = 512 << 20
	// LeastReading is what finding that out takes of any file, in bytes.
	LeastReading = 32 << 20
)

// start starts a program that reads a file which somebody sent, and that may take so many bytes of memory of its own. A file of some
// kilobytes can name millions of frames, or turn larger on the way: the program is refused what is beyond, and ends with an error, before
// the machine or the instance runs out. Should it run out all the same, it is the program that the kernel kills, and not who waits for it.
func start(cmd *exec.Cmd, bytes int64) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	pid, most := cmd.Process.Pid, uint64(bytes+readerSpace)
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0) // it has ended, or the bound alone has to do
	err := unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: most, Max: most}, nil)
	if err == nil || errors.Is(err, unix.ESRCH) { // it has ended already
		return nil
	}
	_ = cmd.Process.Kill() // the error is said
	_ = cmd.Wait()
	return fmt.Errorf("cannot bound the memory of %s: %w", cmd.Args[0], err)
}

// outgrew says whether the program ended, with err and nobody having ended it, since there was no more memory for it.
func (t *tail) outgrew(err error) bool {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
			return true
		}
	}
	return err != nil && strings.Contains(string(t.buf), "Cannot allocate memory")
}
