// Command hostile tries what a function must not be able to do and prints one line per attempt: "refused NAME: why" or
// "DONE NAME". It is the entrypoint of a test's image.
package main

import (
	"fmt"
	"net"
	"os"
	"strings"
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
	case "laid":
		laid("/run/videosdgx/files/clip")
	default:
		for _, a := range allowed() {
			fmt.Printf("allowed %s: %v\n", a.name, a.try())
		}
		for _, a := range attempts() {
			report(a)
		}
	}
}

// laid waits for a file beside an event, and says how large it is and what comes of changing it or its folder.
func laid(path string) {
	for {
		if info, err := os.Stat(path); err == nil {
			fmt.Println("size", info.Size(), "read", read(path) == nil, "change", write(path) == nil, "remove", os.Remove(path) == nil, "beside", write(path+"2") == nil)
			return
		}
		time.Sleep(20 * time.Millisecond)
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
