package atrest

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhatIsReleasable: pages of programs that are as in their file; neither relocated ones, nor data, nor what no program maps.
func TestWhatIsReleasable(t *testing.T) {
	const smaps = `00400000-00401000 r--p 00000000 08:01 1                          /bin/x y
Rss:                   4 kB
Anonymous:             0 kB
Swap:                  0 kB
00401000-00501000 r-xp 00001000 08:01 1                          /bin/x y
Rss:                 512 kB
Anonymous:             0 kB
VmFlags: rd ex mr
00501000-00502000 r--p 00101000 08:01 1                          /bin/x y
Rss:                   4 kB
Anonymous:             4 kB
00502000-00503000 r--p 00102000 08:01 1                          /bin/x y
Rss:                   4 kB
Anonymous:             0 kB
Swap:                  4 kB
00503000-00504000 rw-p 00103000 08:01 1                          /bin/x y
Rss:                   4 kB
Anonymous:             0 kB
00600000-00700000 r--p 00000000 08:01 2                          /models/weights.bin
Rss:                 100 kB
Anonymous:             0 kB
00700000-00800000 r-xp 00000000 08:01 3                          /lib/never-touched.so
Rss:                   0 kB
Anonymous:             0 kB
c000000000-c000400000 rw-p 00000000 00:00 0
Rss:                   4 kB
Anonymous:             0 kB
7fff0000-7fff1000 r-xp 00000000 00:00 0                          [vdso]
Rss:                   4 kB
Anonymous:             0 kB
`
	got, err := releasable(strings.NewReader(smaps))
	if err != nil || len(got) != 2 || got[0].from != 0x400000 || got[0].resident != 4<<10 || got[1].to != 0x501000 || got[1].file != "/bin/x y" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestRelease: the process holds less of its program, and goes on as if nothing had been.
func TestRelease(t *testing.T) {
	before := resident(t, "")
	n, err := Release()
	if err != nil || n < before/2 {
		t.Fatalf("let go of %d bytes, %v; %d were resident", n, err, before)
	}
	if after := resident(t, ""); after >= before {
		t.Errorf("%d bytes of the program are resident, as before", after)
	}
	if !regexp.MustCompile(`^a+(b|c)$`).MatchString(strings.Repeat("a", 99) + "c") {
		t.Error("the program has lost its mind")
	}
}

// TestReleaseLibraries: the program itself stays where it is.
func TestReleaseLibraries(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	before := resident(t, program)
	if _, err := ReleaseLibraries(); err != nil {
		t.Fatal(err)
	}
	if after := resident(t, program); after < before*9/10 { // the system may take a few, when it is short of memory
		t.Errorf("%d bytes of the program are resident, %d were", after, before)
	}
}

// TestWhenIdle: not while there is something to do, and then once.
func TestWhenIdle(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		busy    func(look int) bool
		percent time.Duration // of the time it works
		until   time.Duration
		want    int
	}{
		"at once":                   {func(int) bool { return false }, 0, 0, 1},
		"when the events are over":  {func(look int) bool { return look < 5 }, 0, 0, 5},
		"when it works no longer":   {func(int) bool { return false }, 15, 500 * ms, 3},
		"little work is none":       {func(int) bool { return false }, 9, time.Hour, 1},
		"busy, and works meanwhile": {func(look int) bool { return look < 2 }, 15, 250 * ms, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			looks, start, done := 0, time.Now(), make(chan error)
			worked := func() time.Duration { return min(time.Since(start), c.until) * c.percent / 100 }
			whenIdle(100*ms, func() bool { looks++; return c.busy(looks) }, worked, func(err error) { done <- err })
			if err := <-done; err != nil || looks != c.want {
				t.Errorf("%s: released after %d looks, %v", name, looks, err)
			}
		})
	}
}

// TestWorked: work is seen.
func TestWorked(t *testing.T) {
	before := worked()
	for n := 0; worked() == before; n++ {
		if n > 1<<30 {
			t.Fatal("none of this work is seen")
		}
	}
}

// resident is how much of a file that the test maps is, in bytes; "": of its program and all libraries.
func resident(t *testing.T, file string) (n int64) {
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer smaps.Close()
	all, err := releasable(smaps)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if file == "" || r.file == file {
			n += r.resident
		}
	}
	return n
}
