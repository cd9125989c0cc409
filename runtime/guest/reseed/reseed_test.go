package reseed

import (
	"bufio"
	"fmt"
	"math"
	"math/rand"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
)

// TestMain lets the test binary be the process whose generators are looked for.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("RESEED_TEST_RANDOM") != "":
		randomHelper()
		return
	case os.Getenv("RESEED_TEST_SQLITE") != "":
		sqliteHelper()
		return
	}
	os.Exit(m.Run())
}

// randomHelper answers each line with random numbers of every kind.
func randomHelper() {
	mb, _ := strconv.Atoi(os.Getenv("RESEED_TEST_RANDOM"))
	heap := make([]byte, mb<<20)
	for i := range heap {
		heap[i] = byte(i * 31)
	}
	defer runtime.KeepAlive(heap)
	runtime.LockOSThread() // one thread, one generator
	in := bufio.NewScanner(os.Stdin)
	var line []byte
	for in.Scan() { // without fmt, whose pools draw random numbers themselves under the race detector
		line = append(strconv.AppendInt(line[:0], rand.Int63(), 10), ' ')
		line = append(strconv.AppendUint(line, mrand.Uint64(), 10), ' ')
		line = append(strconv.AppendUint(line, mrand.Uint64(), 10), '\n')
		os.Stdout.Write(line)
	}
}

// startRandom starts a helper that has answered once already.
func startRandom(t *testing.T) (cmd *exec.Cmd, ask func() string) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "RESEED_TEST_RANDOM=1", "GOMAXPROCS=1")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	lines := bufio.NewScanner(out)
	ask = func() string {
		fmt.Fprintln(in)
		if !lines.Scan() {
			t.Fatal("the helper has ended")
		}
		return lines.Text()
	}
	ask()
	return cmd, ask
}

// TestGo compares a process with what it would have said without: the states that are found are read as a snapshot
// would have them, so the same state twice is what two restored instances have.
func TestGo(t *testing.T) {
	cmd, ask := startRandom(t)
	saved := states(t, cmd.Process.Pid)
	if len(saved) < 2 {
		t.Fatalf("%d generators found; one for each thread and the global one are there", len(saved))
	}
	first := ask()
	put(t, cmd.Process.Pid, saved)
	if again := ask(); again != first {
		t.Fatalf("the same states gave %s and then %s: this test cannot tell", first, again)
	}
	put(t, cmd.Process.Pid, saved)
	n, err := Process(cmd.Process.Pid, Places{})
	if err != nil || n < len(saved) {
		t.Fatalf("reseeded %d of %d, %v", n, len(saved), err)
	}
	if after := ask(); after == first {
		t.Errorf("after renewal still %s", after)
	}
	put(t, cmd.Process.Pid, saved)
	if _, err := Process(cmd.Process.Pid, Places{}); err != nil {
		t.Fatal(err)
	}
	if a, b := ask(), first; a == b {
		t.Errorf("two instances from one snapshot both say %s", a)
	}
}

// TestKnownPlaces renews what was found before the snapshot without looking for it again.
func TestKnownPlaces(t *testing.T) {
	cmd, ask := startRandom(t)
	pid := cmd.Process.Pid
	known, err := Find(pid)
	if err != nil || len(known.at) < 2 {
		t.Fatalf("found %+v, %v", known, err)
	}
	saved := states(t, pid)
	first := ask()
	put(t, pid, saved)
	rest, err := Find(pid) // the threads that it has now, which answering may have made
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Process(pid, Places{at: known.at, threads: rest.threads}); err != nil || n != len(known.at) {
		t.Errorf("renewed %d of %d, %v", n, len(known.at), err)
	}
	if after := ask(); after == first {
		t.Errorf("two instances from one snapshot both say %s", after)
	}
	last, before := len(known.at)-1, len(rest.threads)-1 // as if a thread had come with the last
	if n, err := Process(pid, Places{at: known.at[:last], threads: rest.threads[:before]}); err != nil || n < len(known.at) {
		t.Errorf("renewed %d of %d after a thread has come, %v", n, len(known.at), err)
	}
}

// TestLeast counts what a search after a restore has to find before it may end early.
func TestLeast(t *testing.T) {
	known := Places{at: []uint64{1, 2, 3, 4}, threads: []string{"7", "8"}}
	if b, n := least(known, []string{"7", "9", "10"}); b != enough || n != 6 {
		t.Errorf("with two new threads %d bytes, %d generators", b, n)
	}
	if b, _ := least(Places{threads: []string{"7"}}, []string{"7"}); b != math.MaxUint64 {
		t.Errorf("where nothing is known, %d bytes", b)
	}
}

// states reads every generator of a process, by address.
func states(t *testing.T, pid int) map[int64][]byte {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	found := map[int64][]byte{}
	for _, m := range writable(string(maps)) {
		b := make([]byte, m.to-m.from)
		n, _ := mem.ReadAt(b, int64(m.from))
		for off := 0; off+stateLen <= n; off += 8 {
			if holds(b[off : off+stateLen]) {
				found[int64(m.from)+int64(off)] = append([]byte(nil), b[off:off+stateLen]...)
			}
		}
	}
	return found
}

func put(t *testing.T, pid int, states map[int64][]byte) {
	t.Helper()
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	for at, b := range states {
		if _, err := mem.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
}
