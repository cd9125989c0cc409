package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/runtime/client"
)

// verdict is what has become of the acknowledged jobs.
type verdict struct {
	jobs, lost, doubled, half, stray int
	findings                         []string

	interrupted int // attempts that a kill ended: what shows that kills hit jobs at work
	redone      int // jobs whose clip lay under its final name when a kill came before the record
	seen        int // jobs that a client saw completed while servers were being killed
}

// report gives what must be none of, and how hard it was tried.
func (v *verdict) report(r *harness.Report, name string) {
	for _, f := range []struct {
		name string
		n    int
	}{{"lost", v.lost}, {"doubled", v.doubled}, {"half_files", v.half}, {"stray_files", v.stray}} {
		r.Figure(name+"_"+f.name, float64(f.n))
		r.Want(name+"_"+f.name, "= 0")
	}
	r.Figure(name+"_jobs", float64(v.jobs))
	r.Figure(name+"_attempts_interrupted", float64(v.interrupted))
	r.Figure(name+"_clips_redone", float64(v.redone))
	r.Figure(name+"_seen_completed", float64(v.seen))
}

// add takes over what was seen in the folder of results.
func (v *verdict) add(half, redone int) {
	if v.half, v.redone = v.half+half, redone; half > 0 {
		v.note("%d results showed under their final name before they were whole", half)
	}
}

func (v *verdict) note(format string, args ...any) {
	if len(v.findings) < 20 {
		v.findings = append(v.findings, fmt.Sprintf(format, args...))
	}
}

// verify holds the server's records and files against what was acknowledged: each acknowledged key has one job, that is
// completed, and whose one file is its own; each completion was counted once; there are no other jobs and files.
func verify(ctx context.Context, n *node, l *load) (*verdict, error) {
	all, err := n.all(ctx)
	if err != nil {
		return nil, err
	}
	v := &verdict{jobs: len(l.acked), seen: len(l.clips)}
	for _, j := range all {
		l.completed(j)
	}
	if v.doubled = l.doubled; l.doubled > 0 {
		v.note("%d keys had two jobs, or jobs two clips", l.doubled)
	}
	byID, byPrompt := map[string]client.Job{}, map[string]int{}
	for _, j := range all {
		byID[j.ID] = j
		v.interrupted += j.Interruptions
		if byPrompt[j.Prompt()]++; byPrompt[j.Prompt()] == 2 {
			v.doubled++
			v.note("two jobs for %s", j.Prompt())
		}
	}
	for key, id := range l.acked {
		v.check(ctx, n, key, byID[id])
	}
	var m struct {
		Successful int `json:"successful"`
		Total      int `json:"total_inferences"`
	}
	if err := n.Call(ctx, http.MethodGet, "/v1/models/bench/metrics", nil, &m); err != nil {
		return nil, err
	}
	if m.Successful != len(all) {
		v.doubled += max(0, m.Successful-len(all))
		v.note("%d completions were counted for %d jobs", m.Successful, len(all))
	}
	return v, v.files(n.outputs, len(all))
}

func (v *verdict) check(ctx context.Context, n *node, key string, j client.Job) {
	if j.ID == "" || j.Status != "completed" || j.Prompt() != key {
		v.lost++
		v.note("%s: job %q is %q: %v", key, j.ID, j.Status, j.Failure())
		return
	}
	clip, err := n.clip(ctx, j.ID)
	if err != nil {
		v.lost++
		v.note("%s: %v", key, err)
		return
	}
	if !whole(clip, key) || fmt.Sprintf("%x", sha256.Sum256(clip)) != j.Result.SHA256 {
		v.half++
		v.note("%s: a clip of %d bytes is not whole", key, len(clip))
	}
}

// files counts results: one per job, nothing half done beside them.
func (v *verdict) files(dir string, jobs int) error {
	done, err := filepath.Glob(filepath.Join(dir, "*.mp4"))
	if err != nil {
		return err
	}
	parts, err := filepath.Glob(filepath.Join(dir, ".partial", "*.mp4"))
	if v.stray = len(done) + len(parts) - jobs; v.stray != 0 {
		v.note("%d results and %d partial files for %d jobs", len(done), len(parts), jobs)
	}
	return err
}

// whole tells whether a clip is all there; prompt "" takes anybody's.
func whole(clip []byte, prompt string) bool {
	head, body, ok := bytes.Cut(clip, []byte("\n"))
	var name, sum string
	var size int
	if n, _ := fmt.Sscanf(string(head), "%s %d %s", &name, &size, &sum); !ok || n != 3 {
		return false
	}
	return len(body) == size && fmt.Sprintf("%x", sha256.Sum256(body)) == sum && (prompt == "" || name == prompt)
}

// lookout reads every result as soon as it shows under its final name, while servers are being killed, and counts those
// that are not whole, and jobs that had a second one.
type lookout struct {
	dir  string
	half int
	seen map[string]bool
	jobs map[string]int // results seen of each
	stop chan struct{}
	wg   sync.WaitGroup
}

func newLookout(dir string) *lookout {
	l := &lookout{dir: dir, seen: map[string]bool{}, jobs: map[string]int{}, stop: make(chan struct{})}
	l.wg.Go(l.run)
	return l
}

func (l *lookout) run() {
	for {
		l.scan()
		select {
		case <-l.stop:
			return
		case <-time.After(3 * time.Millisecond):
		}
	}
}

func (l *lookout) scan() {
	entries, _ := os.ReadDir(l.dir) // not there yet: no results
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".mp4") || l.seen[name] {
			continue
		}
		l.seen[name] = true
		id, _, _ := strings.Cut(name, ".")
		l.jobs[id]++
		if b, err := os.ReadFile(filepath.Join(l.dir, name)); err == nil && !whole(b, "") {
			l.half++
		}
	}
}

func (l *lookout) end() (half, redone int) {
	close(l.stop)
	l.wg.Wait()
	for _, n := range l.jobs {
		if n > 1 {
			redone++
		}
	}
	return l.half, redone
}
