package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

func write(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write([]byte("x"))
	return err
}

func read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := f.Read(make([]byte, 1))
	if n == 0 {
		return fmt.Errorf("empty: %w", err) // a masked file is /dev/null
	}
	return err
}

func dial(network, to string) error {
	c, err := net.DialTimeout(network, to, 300*time.Millisecond)
	if err == nil {
		_ = c.Close()
	}
	return err
}

func socket(domain, kind int) error {
	fd, err := unix.Socket(domain, kind, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

func enter(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	return unix.Setns(fd, 0)
}

func raiseLimit() error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return nil
	}
	l.Max++
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &l)
}

// setuidProgram runs a copy of this program that belongs to root and has the setuid bit.
func setuidProgram() error {
	out, err := exec.Command("/setuid", "whoami").Output()
	if err != nil {
		return err
	}
	if string(out) != fmt.Sprintln(unix.Getuid()) {
		return nil
	}
	return errors.New("it ran as before")
}

func hostProcesses() error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	n := 0
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			n++
		}
	}
	if n > 2 { // init and this program
		return nil
	}
	return fmt.Errorf("%d processes", n)
}

// fill writes far more than there may be.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	defer f.Close()
	block := make([]byte, 1<<20)
	for range 64 {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return nil
}

func fillNames() error {
	var made []string
	defer func() {
		for _, name := range made {
			os.Remove(name)
		}
	}()
	for i := range 10000 {
		name := fmt.Sprintf("/run/videosdgx/name-%d", i)
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			return err
		}
		made = append(made, name)
	}
	return nil
}

func listFolder(path string) error {
	entries, err := os.ReadDir(path)
	if err == nil && len(entries) == 0 {
		return errors.New("empty")
	}
	return err
}

// harmless are the character devices that every container has, by major and minor number.
var harmless = map[string]bool{"1:3": true, "1:5": true, "1:7": true, "1:8": true, "1:9": true, "5:0": true, "5:2": true}

// findDevice looks for one that is somebody's.
func findDevice() error {
	entries, err := os.ReadDir("/dev")
	if err != nil {
		return err
	}
	for _, e := range entries {
		var st unix.Stat_t
		if err := unix.Stat("/dev/"+e.Name(), &st); err != nil {
			continue
		}
		number := fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
		kind := st.Mode & unix.S_IFMT
		if kind == unix.S_IFBLK || kind == unix.S_IFCHR && !harmless[number] {
			return nil
		}
	}
	return fmt.Errorf("none among %d names", len(entries))
}

// status is nil when a field of this process's status is not as it should be.
func status(field, want string) error {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, field+":"); ok && strings.TrimSpace(v) == want {
			return fmt.Errorf("%s is %s", field, want)
		}
	}
	return nil
}

func holdCapability() error {
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		if status(set, "0000000000000000") == nil {
			return nil
		}
	}
	return errors.New("all sets are empty")
}

// mappedTo is nil when number 0 in here is number 0 of the machine.
func mappedTo(file string) error {
	text, err := os.ReadFile(file)
	if f := strings.Fields(string(text)); err != nil || len(f) < 3 || f[1] == "0" {
		return nil
	}
	return fmt.Errorf("root is %s", strings.Fields(string(text))[1])
}

// burn works on four threads for a second.
func burn() {
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for end := time.Now().Add(time.Second); time.Now().Before(end); {
			}
		})
	}
	work.Wait()
	var r unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &r)
	fmt.Println("burnt", time.Duration(r.Utime.Nano()+r.Stime.Nano()).Milliseconds())
}

// hog takes memory until it is killed.
func hog() {
	var all [][]byte
	for range 4096 {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = 1
		}
		all = append(all, b)
	}
	fmt.Println("DONE hog", len(all))
}

// bomb starts processes until that is refused.
func bomb() {
	for n := 0; n < 2000; n++ {
		cmd := exec.Command("/var/runtime/bootstrap", "sleep")
		if err := cmd.Start(); err != nil {
			fmt.Printf("refused after %d: %v\n", n, err)
			return
		}
	}
	fmt.Println("DONE bomb")
}

// replaceSocket puts a link to a socket of the machine where init listens.
func replaceSocket() {
	const own = "/run/videosdgx/init.sock"
	if err := os.Remove(own); err != nil {
		fmt.Println("refused", err)
		return
	}
	if err := os.Symlink(os.Getenv("HOST_SOCKET"), own); err != nil {
		fmt.Println("refused", err)
		return
	}
	fmt.Println("replaced")
	select {}
}

func number(name string) int {
	n, _ := strconv.Atoi(os.Getenv(name))
	return n
}
