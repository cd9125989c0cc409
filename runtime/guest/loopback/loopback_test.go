package loopback

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestUp(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("VIDEOSDGX_TEST_CONTAINERD") == "1" {
			t.Fatal("making a network namespace needs root")
		}
		t.Skip("NOT TESTED: making a network namespace needs root")
	}
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	if routes := localRoutes(t, cmd.Process.Pid); strings.Contains(routes, "127.0.0.1") {
		t.Fatal("the loopback is up before it was brought up")
	}
	if code := RunHook(strings.NewReader(fmt.Sprintf(`{"ociVersion":"1.2.0","pid":%d}`, cmd.Process.Pid))); code != 0 {
		t.Fatalf("hook ends with %d", code)
	}
	if routes := localRoutes(t, cmd.Process.Pid); !strings.Contains(routes, "127.0.0.1") {
		t.Fatalf("127.0.0.1 is not local: %s", routes)
	}
	if _, err := net.InterfaceByName("lo"); err != nil {
		t.Fatalf("this thread is in another namespace: %v", err)
	}
}

func localRoutes(t *testing.T, pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/fib_trie", pid))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHookRefusesNonsense(t *testing.T) {
	for _, state := range []string{"", "{", `{"pid":-1}`, `{"pid":"1"}`} {
		if RunHook(strings.NewReader(state)) == 0 {
			t.Errorf("%q is taken", state)
		}
	}
}
