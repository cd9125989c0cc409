package containerd

import (
	"errors"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/guest/loopback"
)

func TestBacklog(t *testing.T) {
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	for row, want := range map[string]bool{
		"   0: 0100007F:2329 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1\n": false,
		"   0: 0100007F:2329 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 3 1\n": true,
		"   0: 0100007F:2329 0100007F:9999 01 00000000:00000020 00:00000000 00000000     0        0 3 1\n": false, // bytes, not connections
		"": false, "torn": false,
	} {
		if got := backlog(head + row); got != want {
			t.Errorf("%q: %v", row, got)
		}
	}
}

// TestArriving has a connection that nobody accepts, and then somebody, in a network namespace where there is no other.
func TestArriving(t *testing.T) {
	if unix.Geteuid() != 0 {
		t.Skip("not root: network namespaces of the test's own need root")
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread and its namespace end with the goroutine
		done <- knock()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func knock() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	self := []int{unix.Gettid()}
	if err := loopback.Up(self[0]); err != nil {
		return err
	}
	var ends [2]int
	for i := range ends {
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		ends[i] = s
	}
	at := &unix.SockaddrInet4{Port: 9001, Addr: [4]byte{127, 0, 0, 1}}
	if err := errors.Join(unix.Bind(ends[0], at), unix.Listen(ends[0], 8)); err != nil {
		return err
	}
	if arriving(self) {
		return errors.New("a connection arrives before anybody has dialled")
	}
	if err := unix.Connect(ends[1], at); err != nil {
		return err
	}
	if !arriving(self) {
		return errors.New("a connection that nobody has accepted is not seen")
	}
	s, _, err := unix.Accept(ends[0])
	if err != nil {
		return err
	}
	defer unix.Close(s)
	if arriving(self) {
		return errors.New("a connection that has been accepted still arrives")
	}
	return nil
}
