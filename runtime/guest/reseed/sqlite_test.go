package reseed

import (
	"bufio"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"testing"

	_ "modernc.org/sqlite"
)

// sqliteHelper answers each line with a random number of SQL.
func sqliteHelper() {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		panic(err)
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var n int64
		if err := db.QueryRow("select random()").Scan(&n); err != nil {
			panic(err)
		}
		fmt.Println(n)
	}
}

// TestSQLite: the generator is found where it is linked in, and what it would have drawn next it does not draw.
func TestSQLite(t *testing.T) {
	p := startHelper(t, "RESEED_TEST_SQLITE=1")
	before := memory(t, p.cmd.Process.Pid, sqlite{}, sqliteLen)
	if len(before) != 1 {
		t.Fatalf("%d generators of SQLite", len(before))
	}
	next := p.ask()
	put(t, p.cmd.Process.Pid, before)
	if again := p.ask(); again != next {
		t.Fatalf("the same state gave %s and then %s: this test cannot tell", next, again)
	}
	put(t, p.cmd.Process.Pid, before)
	known, err := Find(p.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Process(p.cmd.Process.Pid, known); err != nil {
		t.Fatal(err)
	}
	if renewed := p.ask(); renewed == next {
		t.Errorf("%s again", renewed)
	}
	if again := memory(t, p.cmd.Process.Pid, sqlite{}, sqliteLen); len(again) != 1 {
		t.Errorf("%d generators after that", len(again))
	}
}

// TestOldSQLite: the state of before 3.41 is told from tables that look alike.
func TestOldSQLite(t *testing.T) {
	b := make([]byte, 4096)
	state := func(at int, isInit byte) {
		b[at] = isInit
		for i := range 256 {
			b[at+3+i] = byte(i*7 + 3)
		}
	}
	state(512, 1)
	state(1024, 0) // not begun
	state(2048, 1)
	b[2048+3+9] = b[2048+3+8] // no permutation
	var found []int
	for off := (oldSQLite{}).next(b, 0, 3072); off < 3072; off = (oldSQLite{}).next(b, off+8, 3072) {
		found = append(found, off)
	}
	if len(found) != 1 || found[0] != 512 {
		t.Errorf("%v", found)
	}
}

// startHelper starts the test's own program as a helper that answers lines.
func startHelper(t *testing.T, env string) *interpreter {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if path, err = exec.LookPath(path); err != nil {
		t.Fatal(err)
	}
	return start(t, []string{env}, path)
}

// memory gives what a finder finds in a process, so many bytes each.
func memory(t *testing.T, pid int, f finder, length int) map[int64][]byte {
	t.Helper()
	found := map[int64][]byte{}
	err := stopped(pid, func(p *process) error {
		buf := make([]byte, window+span)
		for _, m := range p.maps {
			for r := range p.pages.written(m) {
				for _, at := range p.search(r, m.to, []finder{f}, buf) {
					b := make([]byte, length)
					if _, err := p.mem.ReadAt(b, int64(at)); err != nil {
						return err
					}
					found[int64(at)] = b
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
