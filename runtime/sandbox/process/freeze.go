package process

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/internal/procfs"
	"github.com/videosdgx/videosdgx/runtime/instance"
)

var _ instance.Freezer = (*box)(nil)

// Freeze stops every process in place. One thread takes the signal and stops the others of its process, which on a busy
// machine run on until it has had its turn; and a process may have been started meanwhile. So it looks until all stand still.
func (b *box) Freeze(ctx context.Context) error {
	for wait := 100 * time.Microsecond; ; wait = min(2*wait, 10*time.Millisecond) {
		all, err := b.signalAll(unix.SIGSTOP)
		if err != nil || stopped(all) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			_, _ = b.signalAll(unix.SIGCONT)
			return fmt.Errorf("instance %s does not stand still: %w", b.rec.ID, context.Cause(ctx))
		}
	}
}

// Thaw lets them go on.
func (b *box) Thaw(context.Context) error {
	_, err := b.signalAll(unix.SIGCONT)
	return err
}

func (b *box) signalAll(s unix.Signal) ([]int, error) {
	pid := b.pid()
	if pid == 0 {
		return nil, fmt.Errorf("instance %s is not running: %w", b.rec.ID, errdefs.ErrFailedPrecondition)
	}
	all := members(pid, b.rec.ID)
	for _, p := range all {
		if err := unix.Kill(p, s); err != nil && err != unix.ESRCH { //nolint:errorlint // an errno
			return all, fmt.Errorf("signal instance %s: %w", b.rec.ID, err)
		}
	}
	return all, nil
}

// restingStates are those of /proc/PID/stat: stopped by a signal, waiting for a disk, or gone.
var restingStates = []string{"T", "D", "Z", "X"}

// stopped says whether no thread of the processes runs code of its own: one that has gone does not, and one that waits for
// a disk stops before it would.
func stopped(pids []int) bool {
	for _, pid := range pids {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		for _, file := range threads {
			text, err := os.ReadFile(file)
			if err != nil {
				continue
			}
			if st, ok := procfs.ParseStat(text); ok && !slices.Contains(restingStates, st.State) {
				return false
			}
		}
	}
	return true
}
