package containerd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

// quietWithin bounds how long an instance's conversations with the control plane may take to end.
const quietWithin = 5 * time.Second

// awaitQuiet waits until the instance has closed its ends of all connections to init.sock and has taken up all that arrive
// inside it. What has just been answered is closed a moment later, and CRIU cannot dump such an end: it belongs to the network
// namespace of who dialled, where CRIU does not find it. Nor does it dump connections that nobody has accepted yet.
func (b *box) awaitQuiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quietWithin)
	defer cancel()
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		pids, err := b.pids()
		if err != nil {
			return err
		}
		ours, err := unixSockets("/proc/thread-self/net/unix") // the first thread may have been left in another namespace
		if err != nil {
			return err
		}
		if !holdsAny(pids, ours) && !arriving(pids) {
			return nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("instance %s is still being talked to: %w (%w)", b.id, context.Cause(ctx), errdefs.ErrUnavailable)
		}
	}
}

// arriving tells whether a connection waits to be accepted in a network namespace of one of the processes.
func arriving(pids []int) bool {
	seen := map[string]bool{}
	for _, pid := range pids {
		ns, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "ns/net"))
		if err != nil || seen[ns] {
			continue // a process that has gone accepts nothing
		}
		seen[ns] = true
		for _, table := range []string{"tcp", "tcp6"} {
			text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "net", table))
			if backlog(string(text)) {
				return true
			}
		}
	}
	return false
}

// backlog reads a table of TCP sockets: what a listening one has received is the connections that it has not accepted.
// docs.kernel.org/networking/proc_net_tcp.html.
func backlog(table string) bool {
	const listens = "0A"
	for line := range strings.Lines(table) { // sl local remote st tx_queue:rx_queue …
		f := strings.Fields(line)
		if len(f) < 5 || f[3] != listens {
			continue
		}
		if _, waiting, _ := strings.Cut(f[4], ":"); strings.Trim(waiting, "0") != "" {
			return true
		}
	}
	return false
}

// unixSockets are the inodes of the unix sockets of a network namespace, by its table.
func unixSockets(table string) (map[string]bool, error) {
	text, err := os.ReadFile(table)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(text)) { // Num RefCount Protocol Flags Type St Inode Path
		if f := strings.Fields(line); len(f) >= 7 {
			found[f[6]] = true
		}
	}
	return found, nil
}

// holdsAny tells whether one of the processes has one of the sockets open.
func holdsAny(pids []int, sockets map[string]bool) bool {
	for _, pid := range pids {
		dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
		open, _ := names(dir) // a process that has gone holds nothing
		for _, fd := range open {
			target, _ := os.Readlink(filepath.Join(dir, fd))
			inode, isSocket := strings.CutPrefix(target, "socket:[")
			if isSocket && sockets[strings.TrimSuffix(inode, "]")] {
				return true
			}
		}
	}
	return false
}
