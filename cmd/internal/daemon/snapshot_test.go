package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// TestSnapshotEndToEnd makes a snapshot of a real function, starts eight instances from it at once, and compares what they
// take for random and for the time.
func TestSnapshotEndToEnd(t *testing.T) {
	w := newWorld(t)
	w.deploy(`,"concurrency":8,"cancelGrace":"1m"`)
	made := w.snapshot()
	if made.State != catalog.Ready || made.Key.Image == "" || made.Bytes == 0 {
		t.Fatalf("made %+v", made)
	}
	w.hold(8)
	seen := map[string]bool{}
	for served := false; !served; { // until each of the eight has drawn
		w.draw(8, seen)
		served = true
		for _, i := range w.instances() {
			served = served && i.Served > 1
		}
	}
	restored := 0
	for _, i := range w.instances() {
		if i.StartedBy == "snapshot" {
			restored++
		}
	}
	if restored != 8 {
		t.Errorf("%d restored, expected 8", restored)
	}
	w.cold()
}

// TestRestoreHooks has a function wait at the Runtime API's restore/next, as AWS's runtimes with restore hooks do: its hook
// runs once in each restored instance, before the first event, and not in one that was started plainly.
func TestRestoreHooks(t *testing.T) {
	w := newWorld(t)
	w.deploy(`,"env":{"ECHO_RESTORE_HOOK":"ok"}`)
	count := func() string {
		_, body := w.call(http.MethodPost, "/2015-03-31/functions/"+w.function+"/invocations", `{"restores":true}`, nil)
		return body
	}
	if got := count(); got != `{"restores":0}` {
		t.Errorf("started plainly: %s", got)
	}
	w.cold()
	w.snapshot()
	for range 2 {
		if got, all := count(), w.instances(); got != `{"restores":1}` || len(all) != 1 || all[0].StartedBy != "snapshot" {
			t.Errorf("restored: %s by %+v", got, all)
		}
		w.cold()
	}
}

// TestFailedRestoreHook: a snapshot whose hook posts to restore/error never serves.
func TestFailedRestoreHook(t *testing.T) {
	w := newWorld(t)
	w.deploy(`,"env":{"ECHO_RESTORE_HOOK":"fail"},"snapshotEvent":""`)
	code, body := w.call(http.MethodPost, "/api/v1/functions/"+w.function+"/snapshots", "", nil)
	if code == http.StatusOK || !strings.Contains(body, "restore hook") {
		t.Errorf("snapshot: %d %s", code, body)
	}
	if by := w.answers(`"after it"`); by != "plain" {
		t.Errorf("started by %q", by)
	}
	w.cold()
}

// hold has n events in progress at once, so that each has an instance of its own, and then cancels them: by leaving a function
// URL, since an Invoke goes on without its caller.
func (w *world) hold(n int) {
	ctx, cancel := context.WithCancel(w.t.Context())
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/fn/"+w.function+"/", strings.NewReader(`{"sleep":"10m","watch":true}`))
			if err != nil {
				w.t.Error(err)
				return
			}
			if resp, err := http.DefaultClient.Do(req); err == nil {
				resp.Body.Close()
				w.t.Errorf("%s before it was cancelled", resp.Status)
			}
		})
	}
	w.await(n, spec.Busy)
	cancel()
	wg.Wait()
	w.await(n, spec.Idle)
}

// await waits until there are n instances in a state.
func (w *world) await(n int, state spec.State) {
	w.t.Helper()
	var all []spec.InstanceStatus
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) { // the API has nothing to wait on
		there := 0
		all = w.instances()
		for _, i := range all {
			if i.State == state {
				there++
			}
		}
		if there == n {
			return
		}
	}
	w.t.Fatalf("not %d instances are %s: %+v", n, state, all)
}

// draw asks n instances at once for random values and for the time.
func (w *world) draw(n int, seen map[string]bool) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for _, event := range []string{`{"sleep":"100ms","random":true}`, `{"time":true}`} {
				asked := time.Now()
				code, body := w.call(http.MethodPost, "/2015-03-31/functions/"+w.function+"/invocations", event, nil)
				answered := time.Now()
				var got map[string]any
				if err := json.Unmarshal([]byte(body), &got); code != http.StatusOK || err != nil {
					w.t.Errorf("%d %s", code, body)
					return
				}
				mu.Lock()
				w.judge(got, seen, asked, answered)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// judge looks at one answer: random values nobody else gave, or clocks that are right, which is between the question and the answer.
func (w *world) judge(got map[string]any, seen map[string]bool, asked, answered time.Time) {
	t := w.t
	if at, ok := got["unixNano"].(float64); ok {
		const rounding = time.Millisecond // of a float64, and more
		if now := time.Unix(0, int64(at)); now.Before(asked.Add(-rounding)) || now.After(answered.Add(rounding)) {
			t.Errorf("the clock says %v between %v and %v", now, asked, answered)
		}
		if since := got["sinceStart"].(float64); since < 0 || since > answered.Sub(w.began).Seconds() {
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

// TestKilledCRIU ends CRIU in the middle of dumps and of restores, each time while it opens a certain image: early, when it
// has frozen the instance or has only read what there is, with the memory half way, and at the end.
func TestKilledCRIU(t *testing.T) {
	var snapshots string
	w := newWorld(t, func(data string) { snapshots = ownDisk(t, data, "size=512m") })
	sentry := stand(t, snapshots)
	w.deploy("")
	for _, image := range []string{"pagemap-*.img", "pages-1.img", "core-*.img", "inventory.img"} {
		killed := sentry.killAt(image)
		code, body := w.call(http.MethodPost, "/api/v1/functions/"+w.function+"/snapshots", "", nil)
		if at := struck(killed); at == "" || code == http.StatusOK {
			t.Fatalf("CRIU was killed at %q, of %s, and the snapshot: %d %s", at, image, code, body)
		}
		if by := w.answers(`"after the dump"`); by != "plain" {
			t.Errorf("dump killed at %s: started by %q", image, by)
		}
		w.cold()
	}
	for _, image := range []string{"inventory.img", "pagemap-*.img", "pages-1.img", "core-*.img"} {
		made := w.snapshot()
		killed := sentry.killAt(image)
		by := w.answers(`"during the restore"`)
		if at := struck(killed); at == "" || by != "plain" {
			t.Fatalf("CRIU was killed at %q, of %s, and the function started by %q", at, image, by)
		}
		if reason := w.quarantined(made.ID); reason == "" {
			t.Errorf("restore killed at %s: the snapshot is not set aside", image)
		}
		w.cold()
	}
}

// struck is the image at which CRIU has been killed, "" when it has not been.
func struck(killed <-chan string) string {
	select {
	case at := <-killed:
		return at
	default:
		return ""
	}
}

// ownDisk gives the snapshots a file system of their own.
func ownDisk(t *testing.T, data, options string) string {
	t.Helper()
	dir := filepath.Join(data, "snapshots")
	must(t, os.Mkdir(dir, 0o700))
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, options+",mode=700"))
	t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// TestFullDisk has room for a part of the dump only.
func TestFullDisk(t *testing.T) {
	w := newWorld(t, func(data string) { ownDisk(t, data, "size=8m") })
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
