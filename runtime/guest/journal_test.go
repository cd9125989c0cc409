package guest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// unstamped takes the times off a log, which must be there and not go back.
func unstamped(t *testing.T, log string) string {
	t.Helper()
	var b strings.Builder
	before := ""
	for line := range strings.Lines(log) {
		at, rest, _ := strings.Cut(line, "\t")
		if _, err := time.Parse(stampForm, at); err != nil || at < before {
			t.Errorf("%q after %s: %v", line, before, err)
		}
		before = at
		b.WriteString(rest)
	}
	return b.String()
}

// TestJournalTellsWhoseALineIs, in whatever pieces it comes, and of several requests at once only where it can.
func TestJournalTellsWhoseALineIs(t *testing.T) {
	o := &out{}
	j := &journal{out: o}
	say := func(s string) { j.write([]byte(s)) }
	say("loading\nhalf")
	j.begin("a", "$LATEST")
	say(" of a\nun")
	say("ended")
	j.end(report{id: "a", ran: 1500 * time.Microsecond, memory: 512, used: 33<<20 + 1, init: 20 * time.Millisecond})
	j.begin("b", "2")
	j.begin("c", "2")
	say("one of them\n")
	j.end(report{id: "b", ran: time.Second, memory: 512, class: wire.ClassTimeout})
	say("c's\n")
	j.end(report{id: "c", memory: 512, class: wire.ClassExit})
	j.say("%s", "own")
	j.flush()
	want := `-	loading
-	half
a	START RequestId: a Version: $LATEST
a	 of a
a	unended
a	END RequestId: a
a	REPORT RequestId: a	Duration: 1.50 ms	Billed Duration: 2 ms	Memory Size: 512 MB	Max Memory Used: 34 MB	Init Duration: 20.00 ms	
b	START RequestId: b Version: 2
c	START RequestId: c Version: 2
-	one of them
b	END RequestId: b
b	REPORT RequestId: b	Duration: 1000.00 ms	Billed Duration: 1000 ms	Memory Size: 512 MB	Status: timeout	
c	c's
c	END RequestId: c
c	REPORT RequestId: c	Duration: 0.00 ms	Billed Duration: 0 ms	Memory Size: 512 MB	Status: error	Error Type: Runtime.ExitError	
-	videosdgx-init: own
`
	if got := unstamped(t, strings.Join(o.writes, "")); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestJournalFromManySides(t *testing.T) {
	o := &out{}
	j := &journal{out: o}
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			for n := range 100 {
				id := fmt.Sprint(i, "-", n)
				j.begin(id, "1")
				j.write([]byte("line\n"))
				j.end(report{id: id})
			}
		})
	}
	work.Wait()
	j.flush()
	if log := unstamped(t, strings.Join(o.writes, "")); strings.Count(log, "\n") != 8*100*4 || len(j.open) != 0 {
		t.Errorf("%d lines, %v open", strings.Count(log, "\n"), j.open)
	}
}

// TestPeakFindsWhatProcessesHold: tail keeps 64 MiB, below a shell.
func TestPeakFindsWhatProcessesHold(t *testing.T) {
	sh := exec.Command("sh", "-c", "{ head -c 67108864 /dev/zero; sleep 100; } | tail -c 67108864")
	sh.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	g := &guest{began: time.Now(), child: &child{pid: sh.Process.Pid}}
	defer func() {
		syscall.Kill(-sh.Process.Pid, syscall.SIGKILL)
		sh.Wait()
	}()
	for end := time.Now().Add(20 * time.Second); g.peak(fresh) < 64<<20; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("only %d KiB found", g.peak(0)>>10)
		}
	}
	if got := g.peak(fresh); got > 80<<20 {
		t.Errorf("%d MiB found", got>>20)
	}
	g.child.pid = os.Getpid()
	g.most.Store(1)
	g.looked.Store(int64(time.Hour))
	if g.peak(fresh/2) != 1 {
		t.Error("looked again after a short call")
	}
	if g.peak(fresh/2) == 1 {
		t.Error("did not look again after two that together were long")
	}
	g.most.Store(1)
	g.looked.Store(int64(time.Since(g.began)) - int64(stale))
	if g.peak(0) == 1 {
		t.Error("did not look again although the last look was long ago")
	}
}

var reported = regexp.MustCompile(`^(\S+)	START RequestId: (\S+) Version: 1
(\S+)	before (\S+)
(\S+)	after (\S+)
(\S+)	END RequestId: (\S+)
(\S+)	REPORT RequestId: (\S+)	Duration: \d+\.\d\d ms	Billed Duration: \d+ ms	Memory Size: 77 MB	Max Memory Used: [1-9]\d* MB	`)

// TestLogOfAnInvocation: all of it stands between its START and its REPORT, what was logged after the answer too.
func TestLogOfAnInvocation(t *testing.T) {
	dial := boot(t)
	for i := range 20 {
		if _, err := invoke(t, dial, fmt.Sprint("log-", i), "x", i%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := invoke(t, dial, "last", "x", true); err != nil { // ends when the function has asked for its next event
		t.Fatal(err)
	}
	booted.log.flush()
	b, err := os.ReadFile(filepath.Join(booted.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	log := unstamped(t, string(b))
	for i := range 20 {
		id := fmt.Sprint("log-", i)
		at := strings.Index(log, id+"\tSTART")
		if at < 0 {
			t.Fatalf("no START of %s in %s", id, log)
		}
		m := reported.FindStringSubmatch(log[at:])
		if m == nil {
			t.Fatalf("%s", log[at:])
		}
		for _, of := range m[1:] {
			if of != id {
				t.Errorf("%s has a line of %s: %s", id, of, m[0])
			}
		}
	}
	if strings.Count(log, "\tInit Duration: ") != 1 {
		t.Errorf("initialisation is not reported once:\n%s", log)
	}
}

// TestJournalWritesSoon: a START is seen while the function works, and short calls share their writes.
func TestJournalWritesSoon(t *testing.T) {
	o := &out{}
	j := &journal{out: o}
	for i := range 100 {
		j.begin(fmt.Sprint(i), "1")
		j.end(report{id: fmt.Sprint(i)})
	}
	j.begin("long", "1")
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		o.mu.Lock()
		all, writes := strings.Join(o.writes, ""), len(o.writes)
		o.mu.Unlock()
		if strings.HasSuffix(all, "START RequestId: long Version: 1\n") {
			if writes > 50 {
				t.Errorf("%d writes of 100 calls", writes)
			}
			return
		}
	}
	t.Error("the START of a long call has not been written")
}
