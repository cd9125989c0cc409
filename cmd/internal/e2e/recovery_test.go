package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestKilledServerAdoptsItsInstancesAgain(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.function("echo", "echo", "keepAlive: 10m\nfreezeIdle: true\n") // what is frozen at the kill must answer again
		s := h.serve(t)
		pid := s.pidOfFunction(t)
		before := s.instances(t)
		time.Sleep(time.Second) // it is frozen by then; nobody but the dispatcher tells that from idle
		s.kill()
		s = h.serve(t)
		adopted := s.instances(t)
		if driver == "containerd" {
			if len(adopted) != 1 || adopted[0].ID != before[0].ID {
				t.Errorf("before %+v, after %+v", before, adopted)
			}
			if again := s.pidOfFunction(t); again != pid {
				t.Errorf("process %s answers instead of %s", again, pid)
			}
		}
		s.pidOfFunction(t)
		if i := s.instances(t); len(i) != 1 {
			t.Errorf("%+v", i)
		}
		if driver == "containerd" {
			s.leavesNoContainer(t)
		}
		s.stop()
		nothingLeft(t, h.data)
	})
}

func (s *server) pidOfFunction(t *testing.T) string {
	t.Helper()
	a := s.do(t, "POST", invoke("echo"), `{"identify":true}`).want(t, 200)
	id := into[map[string]any](t, a.body)
	return fmt.Sprint(id["pid"], " on ", id["hostname"], id["host"])
}

// leavesNoContainer removes all instances and asks containerd itself what it still knows.
func (s *server) leavesNoContainer(t *testing.T) {
	t.Helper()
	list := func() string {
		out, err := exec.Command("ctr", "--address", filepath.Join(stateOf(s.home.data), "containerd.sock"), "--namespace", "videosdgx", "containers", "list", "--quiet").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if list() == "" {
		t.Error("containerd knows of no container while one runs")
	}
	for _, i := range s.instances(t) {
		s.do(t, "DELETE", "/api/v1/instances/"+i.ID, "")
	}
	until(t, "no container is left", func() bool { return list() == "" })
}

func TestKilledPartsAreReplaced(t *testing.T) {
	needContainerd(t)
	h := newHome(t, "containerd")
	h.function("echo", "echo", "")
	s := h.serve(t)
	for _, program := range []string{"bootstrap", "videosdgx-init", "containerd-shim-runc-v2", "containerd"} {
		t.Run(program, func(t *testing.T) {
			s.do(t, "POST", invoke("echo"), `{"a":1}`).want(t, 200)
			var before []instance
			until(t, "one instance is left", func() bool { before = s.instances(t); return len(before) == 1 })
			killOne(t, h.data, program)
			if program != "containerd" { // instances outlive it
				until(t, "the instance is given up", func() bool { i := s.instances(t); return len(i) == 0 || i[0].ID != before[0].ID })
			}
			until(t, "the next call works", func() bool {
				a, err := s.try(t, "POST", invoke("echo"), `{"a":1}`)
				return err == nil && a.status == 200 && string(a.body) == `{"a":1}`
			})
		})
	}
	s.stop()
	nothingLeft(t, h.data)
}

// killOne kills the one process of a data folder that runs a program.
func killOne(t *testing.T, data, program string) {
	t.Helper()
	for _, pid := range pidsOf(data) {
		line, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if first, _, _ := strings.Cut(string(line), "\x00"); filepath.Base(first) == program {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no process runs %s among\n%s", program, strings.Join(processesOf(data), "\n"))
}
