package procfs

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// status is the beginning of a /proc/PID/status of Linux 6.18, of a process that has named itself as a line of it.
const status = "Name:\tVmHWM: 9 kB\nUmask:\t0022\nState:\tS (sleeping)\nVmPeak:\t    8240 kB\nVmHWM:\t    3512 kB\nVmRSS:\t    3512 kB\nRssAnon:\t     348 kB\n" +
	"RssFile:\t    3164 kB\nRssShmem:\t       0 kB\nSigCgt:\t0000000000014003\nlast:\tline"

func TestLinesOfAStatus(t *testing.T) {
	for name, want := range map[string]int64{"VmHWM": 3512 << 10, "RssAnon": 348 << 10, "RssShmem": 0} {
		if n, ok := Bytes([]byte(status), name); n != want || !ok {
			t.Errorf("%s: %d, %v", name, n, ok)
		}
	}
	for _, name := range []string{"Vm", "Rss", "none", "", "State", "SigCgt"} { // the last two are no bytes
		if n, ok := Bytes([]byte(status), name); n != 0 || ok {
			t.Errorf("%q: %d, %v", name, n, ok)
		}
	}
	for name, want := range map[string]string{"Name": "VmHWM: 9 kB", "State": "S (sleeping)", "SigCgt": "0000000000014003", "last": "line"} {
		if v, ok := Field([]byte(status), name); string(v) != want || !ok {
			t.Errorf("%s: %q, %v", name, v, ok)
		}
	}
	if n := Sum([]byte(status), "RssAnon", "RssFile", "none"); n != (348+3164)<<10 {
		t.Errorf("%d", n)
	}
	for _, text := range []string{"MemTotal: kB", "MemTotal: -1 kB", "MemTotal: 99999999999999999999 kB", "MemTotal: 1 MB", "MemTotal: 1kB", "memtotal: 1 kB"} {
		if n, ok := Bytes([]byte(text), "MemTotal"); ok || n != 0 {
			t.Errorf("%s: %d", text, n)
		}
	}
	if n, ok := Bytes([]byte("MemTotal:       24602212 kB\nMemFree:        12 kB\n"), "MemTotal"); n != 24602212<<10 || !ok {
		t.Errorf("meminfo: %d, %v", n, ok)
	}
}

func TestAStatusIsReadWithoutLitter(t *testing.T) {
	text := []byte(status)
	if n := testing.AllocsPerRun(100, func() { Bytes(text, "RssShmem") }); n > 1 {
		t.Errorf("%v allocations for a line", n)
	}
}

// A process may call itself anything; kernels add fields at the end.
func TestStat(t *testing.T) {
	const rest = " S 7 42 41 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 123456 1000 200"
	for _, name := range []string{"sh", "a) Z 1 (b", "", ")", "((", "x y\nz"} {
		s, ok := ParseStat([]byte("42 (" + name + ")" + rest + "\n"))
		if want := (Stat{Name: name, State: "S", Parent: 7, Session: 41, CPU: 3 * time.Second, Started: 123456}); s != want || !ok {
			t.Errorf("%q: %+v, %v", name, s, ok)
		}
	}
	for _, text := range []string{"", "42 sh S 7", ")(", "42 (sh) S 7 42", "42 (sh" + rest, "42 (sh)" + strings.Replace(rest, " 7 ", " x ", 1), "42 (sh)" + strings.Replace(rest, "250", "-250", 1)} {
		if s, ok := ParseStat([]byte(text)); ok || s != (Stat{}) {
			t.Errorf("%q: %+v", text, s)
		}
	}
	if s, ok := ParseStat([]byte("42 (sh)" + strings.Replace(rest, " 41 ", " -1 ", 1))); !ok || s.Session != -1 || s.Parent != 7 {
		t.Errorf("one that is just going: %+v, %v", s, ok)
	}
	for state, gone := range map[string]bool{"Z": true, "X": true, "S": false, "T": false} {
		if (Stat{State: state}).Gone() != gone {
			t.Errorf("%s: %v", state, !gone)
		}
	}
}

func TestThisKernelsFilesAreRead(t *testing.T) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := Bytes(text, "VmRSS"); n < 1<<20 || !ok {
		t.Errorf("%d, %v: %s", n, ok, text)
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s, ok := ReadStat(cmd.Process.Pid)
	if !ok || s.Parent != os.Getpid() || s.Started == 0 || s.Gone() || s.Name == "" {
		t.Errorf("%+v, %v", s, ok)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if s, ok := ReadStat(cmd.Process.Pid); ok {
		t.Errorf("a process that is no more: %+v", s)
	}
}

func FuzzField(f *testing.F) {
	for _, text := range []string{status, "MemTotal: 1 kB", ":\n", "a:b:c\n\na:"} {
		f.Add([]byte(text), "VmHWM")
	}
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		v, ok := Field(text, name)
		if ok && !strings.Contains("\n"+string(text), "\n"+name+":") || len(v) > len(text) {
			t.Errorf("%q of %q is %q", name, text, v)
		}
		if n, _ := Bytes(text, name); n < 0 {
			t.Errorf("%q of %q is %d bytes", name, text, n)
		}
	})
}

func FuzzStat(f *testing.F) {
	f.Add([]byte("42 (sh) S 7 42 41 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 123456 1000 200\n"))
	f.Add([]byte("1 () ) ( R"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, ok := ParseStat(text); ok && s.State == "" || !ok && s != (Stat{}) {
			t.Errorf("%q: %+v, %v", text, s, ok)
		}
	})
}
