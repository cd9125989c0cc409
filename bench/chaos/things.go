package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// things are what a server makes on the machine, told by its data folder and by nothing else: other servers may run here.
type things struct {
	data, state string // state: sockets and bundles of the private containerd
	owner       string // in the names of cgroups
}

func newThings(data string) things {
	sum := sha256.Sum256([]byte(filepath.Join(data, "containerd"))) // as the driver names its state folder
	owner := hex.EncodeToString(sum[:6])
	return things{data: data, state: "/run/videosdgx/" + owner, owner: owner}
}

// process is a living one and what it is to the server.
type process struct {
	pid  int
	kind string // init, function, shim, containerd; "" is something else of ours
	text string
}

// find lists the living processes of a kind; "" lists all of them.
func (t things) find(kind string) (found []process) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if p, ours := t.look(pid); ours && (kind == "" || p.kind == kind) {
			found = append(found, p)
		}
	}
	return found
}

// look tells whether a process is the server's, and what it is.
func (t things) look(pid int) (process, bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	line, _ := os.ReadFile(dir + "/cmdline")
	group, _ := os.ReadFile(dir + "/cgroup")
	environ, _ := os.ReadFile(dir + "/environ")
	in := bytes.Contains(group, []byte(t.owner+"."))
	named := bytes.Contains(line, []byte(t.data+"/")) || bytes.Contains(line, []byte(t.state+"/"))
	marked := bytes.Contains(environ, []byte("VIDEOSDGX_INSTANCE=")) && bytes.Contains(environ, []byte(t.data+"/"))
	if pid == os.Getpid() || len(line) == 0 || !in && !named && !marked { // no command line: a zombie, or a kernel's
		return process{}, false
	}
	p := process{pid: pid, text: strings.ReplaceAll(string(bytes.TrimRight(line, "\x00")), "\x00", " ")}
	switch program := filepath.Base(strings.SplitN(p.text, " ", 2)[0]); {
	case strings.HasPrefix(program, "containerd-shim"):
		p.kind = "shim"
	case program == "containerd":
		p.kind = "containerd"
	case strings.Contains(p.text, "init") && (in && first(dir) || !in && strings.Contains(p.text, "videosdgx-init -dir ")):
		p.kind = "init"
	case in || marked:
		p.kind = "function"
	}
	return p, true
}

// first tells whether a process is PID 1 of a namespace below ours.
func first(dir string) bool {
	b, _ := os.ReadFile(dir + "/status")
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "NSpid:"); ok {
			f := strings.Fields(rest)
			return len(f) > 1 && f[len(f)-1] == "1"
		}
	}
	return false
}

// shoot kills a process if it still is what it was: its number may have been given to another meanwhile.
func (t things) shoot(kind string, p process) bool {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	now, ours := t.look(p.pid)
	return ours && now.kind == kind && unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil
}

// end kills all that is the server's, until nothing is left of it.
func (t things) end() {
	for i := 0; i < 100; i++ {
		all := t.find("")
		for _, p := range all {
			t.shoot(p.kind, p)
		}
		if len(all) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
