package daemon

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// TestSnapshotEndToEnd makes a snapshot of a real function, starts eight instances from it at once, and compares what they
// take for random and for the time.
func TestSnapshotEndToEnd(t *testing.T) {
	w := newWorld(t)
	w.deploy(`,"concurrency":8`)
	made := w.snapshot()
	if made.State != catalog.Ready || made.Key.Image == "" || made.Bytes == 0 {
		t.Fatalf("made %+v", made)
	}
	seen := map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, event := range []string{`{"sleep":"1500ms","random":true}`, `{"time":true}`} {
				code, body := w.call(http.MethodPost, "/2015-03-31/functions/"+w.function+"/invocations", event, nil)
				var got map[string]any
				if err := json.Unmarshal([]byte(body), &got); code != http.StatusOK || err != nil {
					t.Errorf("%d %s", code, body)
					return
				}
				mu.Lock()
				judge(t, got, seen)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	restored := 0
	for _, i := range w.instances() {
		if i.StartedBy == "snapshot" {
			restored++
		}
	}
	if restored != 8 || len(seen) != 8*4 {
		t.Errorf("%d restored, %d different values, expected 8 and 32", restored, len(seen))
	}
	w.cold()
}

// judge looks at one answer: random values nobody else gave, or clocks that are right.
func judge(t *testing.T, got map[string]any, seen map[string]bool) {
	if at, ok := got["unixNano"].(float64); ok {
		if off := time.Since(time.Unix(0, int64(at))); off < -time.Second || off > 5*time.Second {
			t.Errorf("the clock is off by %v", off)
		}
		if since := got["sinceStart"].(float64); since < 0 || since > 600 {
			t.Errorf("the function has been up for %v s by its monotonic clock", since)
		}
		return
	}
	for kind, value := range got {
		v := fmt.Sprint(kind, " ", value)
		if seen[v] {
			t.Errorf("two instances of one snapshot drew the same %s", v)
		}
		seen[v] = true
	}
}

// TestDamagedFiles does harm to each file of a snapshot in turn, in one of three ways: the next event is answered, by a
// plain start, and the snapshot is set aside.
func TestDamagedFiles(t *testing.T) {
	w := newWorld(t)
	w.deploy("")
	made := w.snapshot()
	if by := w.answers(`"first"`); by != "snapshot" {
		t.Fatalf("started by %q", by)
	}
	harm := []func(path string) error{flip, func(p string) error { return os.Truncate(p, 1) }, os.Remove}
	for i := 0; i < len(made.Files); i++ { // the names have process ids in them: each snapshot has its own
		f := made.Files[i]
		w.cold()
		path := filepath.Join(w.data, "snapshots", made.ID, "images", f.Path)
		if err := harm[i%len(harm)](path); err != nil {
			t.Fatal(err)
		}
		if by := w.answers(strconv.Itoa(i)); by != "plain" {
			t.Errorf("%s: started by %q", f.Path, by)
		}
		if reason := w.quarantined(made.ID); !strings.Contains(reason, f.Path) {
			t.Errorf("%s: quarantined for %q", f.Path, reason)
		}
		w.cold()
		made = w.snapshot()
	}
}

func flip(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[len(b)/2] ^= 0x10
	return os.WriteFile(path, b, 0o600)
}

// TestKilledCRIU ends CRIU in the middle of a dump, then in the middle of a restore.
func TestKilledCRIU(t *testing.T) {
	w := newWorld(t)
	w.deploy(`,"env":{"ECHO_INIT_HEAP_MB":"128"}`)
	killed := w.killCRIU()
	code, body := w.call(http.MethodPost, "/api/v1/functions/"+w.function+"/snapshots", "", nil)
	if pid := <-killed; pid == 0 || code == http.StatusOK {
		t.Fatalf("criu %d was killed, and the snapshot: %d %s", pid, code, body)
	}
	if by := w.answers(`"after the dump"`); by != "plain" {
		t.Errorf("started by %q", by)
	}
	w.cold()
	made := w.snapshot()
	killed = w.killCRIU()
	if by := w.answers(`"during the restore"`); by != "plain" {
		t.Errorf("started by %q", by)
	}
	if pid := <-killed; pid == 0 {
		t.Fatal("criu was not seen")
	}
	if reason := w.quarantined(made.ID); reason == "" {
		t.Error("the snapshot is not set aside")
	}
	w.cold()
}

// killCRIU ends the first CRIU that works on one of this test's instances, once it has begun. It gives its pid, 0 for none.
func (w *world) killCRIU() <-chan int {
	out := make(chan int, 1)
	go func() {
		defer close(out)
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) { // /proc tells nobody of changes
			if pid := criuOf(w.function); pid > 0 {
				time.Sleep(30 * time.Millisecond) // into its work
				if syscall.Kill(pid, syscall.SIGKILL) == nil {
					out <- pid
				}
				return
			}
		}
	}()
	return out
}

// criuOf looks for a criu whose parent, the OCI runtime, was told to work on an instance of the function.
func criuOf(function string) int {
	found, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, f := range found {
		if name, _ := os.ReadFile(f); strings.TrimSpace(string(name)) != "criu" {
			continue
		}
		stat, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "stat"))
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 {
			command, _ := os.ReadFile("/proc/" + fields[1] + "/cmdline")
			if strings.Contains(string(command), "/"+function+"-") || strings.Contains(string(command), "\x00"+function+"-") {
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
				return pid
			}
		}
	}
	return 0
}

// TestFullDisk has room for a part of the dump only.
func TestFullDisk(t *testing.T) {
	w := newWorld(t, func(data string) {
		dir := filepath.Join(data, "snapshots")
		must(t, os.Mkdir(dir, 0o700))
		must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m,mode=700"))
		t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	})
	w.deploy(`,"env":{"ECHO_INIT_HEAP_MB":"64"}`)
	code, body := w.call(http.MethodPost, "/api/v1/functions/"+w.function+"/snapshots", "", nil)
	if code == http.StatusOK || !strings.Contains(body, "No space left") {
		t.Errorf("snapshot on a full disk: %d %s", code, body)
	}
	if by := w.answers(`"after it"`); by != "plain" {
		t.Errorf("started by %q", by)
	}
	w.cold()
}
