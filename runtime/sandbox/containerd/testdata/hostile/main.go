// Command hostile tries what a function must not be able to do and prints one line per attempt: "refused NAME: why" or
// "DONE NAME". It is the entrypoint of a test's image.
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

func main() {
	mode := "all"
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case "hog":
		hog()
	case "bomb":
		bomb()
	case "burn":
		burn()
	case "whoami":
		fmt.Println(unix.Geteuid())
	case "sleep":
		select {}
	case "dial":
		for _, to := range strings.Fields(os.Getenv("DIAL")) {
			fmt.Println(map[bool]string{true: "reached", false: "not reached"}[dial("tcp", to) == nil], to)
		}
	case "read":
		for _, path := range strings.Fields(os.Getenv("READ")) {
			fmt.Printf("read %s: %v\n", path, read(path))
		}
		fmt.Printf("%s %s\n", os.Getenv("VIDEOSDGX_TEST_GPU"), os.Getenv("LD_LIBRARY_PATH"))
	case "full":
		fmt.Println(fill("/tmp/full"))
	case "write":
		for _, path := range strings.Fields(os.Getenv("READ")) {
			fmt.Printf("read %s: %v\n", path, read(path))
		}
		for _, path := range strings.Fields(os.Getenv("WRITE")) {
			fmt.Printf("write %s: %v\n", path, write(path))
		}
	case "socket":
		replaceSocket()
	default:
		for _, a := range allowed() {
			fmt.Printf("allowed %s: %v\n", a.name, a.try())
		}
		for _, a := range attempts() {
			report(a)
		}
	}
}

type attempt struct {
	name string
	try  func() error
}

func report(a attempt) {
	if err := a.try(); err != nil {
		fmt.Printf("refused %s: %v\n", a.name, err)
		return
	}
	fmt.Printf("DONE %s\n", a.name)
}

// allowed is what must work, so that a refusal means something.
func allowed() []attempt {
	return []attempt{
		{"read the model", func() error { return read("/opt/model/weights") }},
		{"write scratch memory", func() error { return write("/tmp/x") }},
		{"read the CPUs", func() error { return read("/sys/devices/system/cpu/online") }},
		{"listen", func() error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			defer l.Close()
			return dial("tcp", l.Addr().String())
		}},
	}
}

func attempts() []attempt {
	list := append(files(), network()...)
	list = append(list, privileges()...)
	return append(list, kernel()...)
}

func files() []attempt {
	list := []attempt{
		{"fill scratch memory", func() error { return fill("/tmp/fill") }},
		{"fill shared memory", func() error { return fill("/dev/shm/fill") }},
		{"fill its folder", func() error { return fill("/run/videosdgx/fill") }},
		{"fill its folder with names", fillNames},
		{"find a device", findDevice},
		{"change the model's mode", func() error { return os.Chmod("/opt/model/weights", 0o777) }},
		{"remove the model", func() error { return os.Remove("/opt/model/weights") }},
		{"see processes of the machine", hostProcesses},
		{"signal a process of the machine", func() error { return unix.Kill(number("HOST_PID"), 0) }},
		{"trace a process of the machine", func() error { return unix.PtraceAttach(number("HOST_PID")) }},
		{"make a device", func() error { return unix.Mknod("/tmp/disk", unix.S_IFBLK|0o600, int(unix.Mkdev(254, 0))) }},
	}
	for _, path := range []string{"/proc/acpi", "/proc/scsi", "/sys/class", "/sys/firmware", "/sys/fs/cgroup", "/sys/kernel", "/sys/block"} {
		list = append(list, attempt{"list " + path, func() error { return listFolder(path) }})
	}
	for _, path := range []string{"/opt/model/new", "/new", "/etc/hosts", "/var/runtime/bootstrap", "/opt/model/weights", "/run/videosdgx-init",
		"/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/devices/system/cpu/cpu1/online", "/dev/new"} {
		list = append(list, attempt{"write " + path, func() error { return write(path) }})
	}
	for _, path := range []string{"/etc/shadow", os.Getenv("HOST_FILE"), "/proc/1/root" + os.Getenv("HOST_FILE"), "/proc/kcore",
		"/proc/keys", "/proc/timer_list", "/proc/interrupts", "/proc/sched_debug",
		"/dev/mem", "/dev/kmsg", "/sys/fs/cgroup/cgroup.procs", "/sys/kernel/notes"} {
		list = append(list, attempt{"read " + path, func() error { return read(path) }})
	}
	return list
}

func network() []attempt {
	list := []attempt{
		{"abstract socket of the machine", func() error { return dial("unix", "@"+os.Getenv("HOST_ABSTRACT")) }},
		{"socket of another instance", func() error { return dial("unix", os.Getenv("OTHER_SOCKET")) }},
		{"raw socket", func() error { return socket(unix.AF_PACKET, unix.SOCK_RAW) }},
		{"icmp socket", func() error { return socket(unix.AF_INET, unix.SOCK_RAW) }},
		{"vsock", func() error { return socket(unix.AF_VSOCK, unix.SOCK_STREAM) }},
		{"crypto socket", func() error { return socket(unix.AF_ALG, unix.SOCK_SEQPACKET) }},
	}
	for _, to := range []string{os.Getenv("HOST_TCP"), os.Getenv("HOST_TCP_OTHER"), "1.1.1.1:53", "169.254.169.254:80"} {
		list = append(list, attempt{"dial " + to, func() error { return dial("tcp", to) }})
	}
	return list
}

func privileges() []attempt {
	return []attempt{
		{"setuid", func() error { return unix.Setuid(0) }},
		{"setgid", func() error { return unix.Setgid(0) }},
		{"setgroups", func() error { return unix.Setgroups([]int{0}) }},
		{"setuid program", setuidProgram},
		{"capability", func() error {
			return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_SYS_ADMIN, 0, 0)
		}},
		{"hold a capability", holdCapability},
		{"run without seccomp", func() error { return status("Seccomp", "2") }},
		{"run with new privileges", func() error { return status("NoNewPrivs", "1") }},
		{"be root of the machine", func() error { return mappedTo("/proc/self/uid_map") }},
		{"unset no_new_privs", func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) }},
		{"user namespace", func() error { return unix.Unshare(unix.CLONE_NEWUSER) }},
		{"mount namespace", func() error { return unix.Unshare(unix.CLONE_NEWNS) }},
		{"enter a namespace", func() error { return enter("/proc/self/ns/mnt") }},
		{"mount", func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") }},
		{"unmount", func() error { return unix.Unmount("/proc/sys", unix.MNT_DETACH) }},
		{"remount root", func() error { return unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "") }},
		{"chroot", func() error { return unix.Chroot("/tmp") }},
		{"raise limit", raiseLimit},
		{"priority", func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, -10) }},
	}
}

func kernel() []attempt {
	call := func(name string, nr uintptr, args ...uintptr) attempt {
		a := [4]uintptr{}
		copy(a[:], args)
		return attempt{name, func() error {
			if _, _, e := unix.Syscall6(nr, a[0], a[1], a[2], a[3], 0, 0); e != 0 {
				return e
			}
			return nil
		}}
	}
	return []attempt{
		call("load a module", unix.SYS_FINIT_MODULE, 0), call("remove a module", unix.SYS_DELETE_MODULE),
		call("kexec", unix.SYS_KEXEC_LOAD), call("reboot", unix.SYS_REBOOT, unix.LINUX_REBOOT_MAGIC1, unix.LINUX_REBOOT_MAGIC2, unix.LINUX_REBOOT_CMD_CAD_OFF),
		call("bpf", unix.SYS_BPF), call("perf", unix.SYS_PERF_EVENT_OPEN), call("io_uring", unix.SYS_IO_URING_SETUP, 1),
		call("userfaultfd", unix.SYS_USERFAULTFD), call("keyring", unix.SYS_ADD_KEY), call("handle", unix.SYS_OPEN_BY_HANDLE_AT),
		call("swap", unix.SYS_SWAPOFF), call("host name", unix.SYS_SETHOSTNAME), call("quota", unix.SYS_QUOTACTL),
		call("fanotify", unix.SYS_FANOTIFY_INIT), call("syslog", unix.SYS_SYSLOG, 10),
		{"clock", func() error { return unix.Settimeofday(&unix.Timeval{Sec: time.Now().Unix()}) }},
	}
}

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
