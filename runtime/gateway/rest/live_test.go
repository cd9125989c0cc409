package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

type boardEvent struct {
	id, kind string
	Jobs     []jobView
	Gone     []string
	Whole    bool
	Queue    queueView
}

// followBoard gives what /v1/events tells until the test ends or cancel is called.
func (r *rig) followBoard(last string, header ...string) (<-chan boardEvent, context.CancelFunc) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", r.url+"/v1/events", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.Header.Get("Content-Type") != "text/event-stream" {
		r.t.Fatal(err, resp)
	}
	out, ended := make(chan boardEvent, 100), make(chan struct{})
	go func() {
		defer close(ended)
		defer close(out)
		defer resp.Body.Close()
		var e boardEvent
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.kind = value
			case "data":
				_ = json.Unmarshal([]byte(value), &e)
				out <- e
				e = boardEvent{}
			}
		}
	}()
	stop := func() { cancel(); <-ended }
	r.t.Cleanup(stop)
	return out, stop
}

func await(t *testing.T, events <-chan boardEvent, what string, ok func(boardEvent) bool) boardEvent {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		select {
		case e := <-events:
			if ok(e) {
				return e
			}
		case <-late:
			t.Fatalf("the board did not tell: %s", what)
		}
	}
}

func has(e boardEvent, id string, s jobs.State) bool {
	for _, j := range e.Jobs {
		if j.ID == id && j.Status == s {
			return true
		}
	}
	return false
}

func TestTheBoardTellsOfAllJobs(t *testing.T) {
	go1, done := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		<-go1
		c.Progress(spec.Progress{Phase: "denoise", Step: 3, Steps: 9, Preview: []byte("\xff\xd8\xff\xe0picture")})
		<-done
		return jobstest.Stream(200, "video/mp4", []byte("clip")), nil
	})
	events, leave := r.followBoard("")
	first := r.generate(`{"prompt":"one"}`)
	await(t, events, "running", func(e boardEvent) bool { return has(e, first.ID, jobs.Running) })
	close(go1)
	await(t, events, "a preview", func(e boardEvent) bool { return e.kind == "preview" })
	seen := r.generate(`{"prompt":"two"}`)
	e := await(t, events, "queued", func(e boardEvent) bool { return has(e, seen.ID, jobs.Queued) && e.Queue.Queued == 1 })
	if e.Whole || len(e.Jobs) == 0 {
		t.Errorf("a change came as %+v", e)
	}
	leave()

	close(done)
	again, _ := r.followBoard(e.id)
	await(t, again, "both ended", func(n boardEvent) bool {
		if n.kind == "jobs" && n.Whole {
			t.Error("a resumed stream began anew")
		}
		return has(n, seen.ID, jobs.Completed)
	})
	r.do("DELETE", r.url+"/v1/jobs/"+seen.ID+"?purge=true", "")
	await(t, again, "gone", func(n boardEvent) bool { return len(n.Gone) == 1 && n.Gone[0] == seen.ID })

	fresh, _ := r.followBoard("other.7")
	if n := await(t, fresh, "the whole", func(n boardEvent) bool { return n.kind == "jobs" }); !n.Whole || !has(n, first.ID, jobs.Completed) {
		t.Errorf("another server's event gives %+v", n)
	}
}

func TestAnEmptyBoardIsTold(t *testing.T) {
	r := newRig(t, nil)
	events, _ := r.followBoard("")
	if e := await(t, events, "that there is nothing", func(e boardEvent) bool { return e.kind == "jobs" }); !e.Whole || len(e.Jobs) != 0 {
		t.Errorf("%+v", e)
	}
}

func TestATimeThatRunsDownIsNoNews(t *testing.T) {
	c, now, eta := &card{}, time.Now(), 100.0
	show := func(seconds float64, after time.Duration) bool {
		eta := seconds
		return c.show(jobView{ID: "a", ETA: &eta}, now.Add(after))
	}
	if !show(eta, 0) || show(90, 10*time.Second) || show(88, 10*time.Second) {
		t.Error("a countdown is told again and again")
	}
	if !show(40, 10*time.Second) {
		t.Error("a leap is not told")
	}
	if !c.show(jobView{ID: "a"}, now) || c.show(jobView{ID: "a"}, now) {
		t.Error("an unknown time")
	}
}

// TestTheBoardShowsAClientItsOwnJobs: others' are not on it, nor their previews, nor their leaving.
func TestTheBoardShowsAClientItsOwnJobs(t *testing.T) {
	r := newRig(t, func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		c.Progress(spec.Progress{Phase: "denoise", Step: 1, Steps: 2, Preview: []byte("\xff\xd8\xff\xe0picture")})
		time.Sleep(1200 * time.Millisecond) // the board looks meanwhile
		return jobstest.Stream(200, "video/mp4", []byte("clip")), nil
	})
	people(r)
	all, _ := r.followBoard("", "Who", "auditor")
	events, _ := r.followBoard("", "Who", "bob")
	hers := r.generate(`{"prompt":"hers"}`, "Who", "alice")
	await(t, all, "hers", func(e boardEvent) bool { return has(e, hers.ID, jobs.Completed) })
	r.do("DELETE", r.url+"/v1/jobs/"+hers.ID+"?purge=true", "", "Who", "alice")
	await(t, all, "gone", func(e boardEvent) bool { return len(e.Gone) == 1 })
	his := r.generate(`{"prompt":"his"}`, "Who", "bob")
	await(t, events, "his", func(e boardEvent) bool {
		if len(e.Gone) > 0 || slices.ContainsFunc(e.Jobs, func(j jobView) bool { return j.ID != his.ID }) {
			t.Errorf("bob is told of %+v", e)
		}
		return has(e, his.ID, jobs.Completed)
	})
}
