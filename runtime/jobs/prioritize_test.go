package jobs_test

import (
	"context"
	"slices"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestAWaitingJobIsGivenAnotherPriority: what waits is started in the new order, also by the service that comes after a stop.
func TestAWaitingJobIsGivenAnotherPriority(t *testing.T) {
	up, over := make(chan string, 10), make(chan struct{})
	r := newRig(t, func(ctx context.Context, c jobstest.Call) (*spec.Result, error) {
		up <- c.Request.Prompt
		select {
		case <-over:
			return jobstest.Stream(200, "video/mp4", []byte(c.Request.Prompt)), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	runs := r.submit("runs")
	<-up
	a, b, c := r.submit("a"), r.submit("b"), r.submit("c")
	for id, p := range map[string]jobs.Priority{a.ID: jobs.Low, c.ID: jobs.High} {
		if j, err := r.Prioritize(t.Context(), id, p); err != nil || j.Priority != p || j.State != jobs.Queued {
			t.Fatalf("%+v, %v", j, err)
		}
	}
	for want, id := range []string{c.ID, b.ID, a.ID} {
		if p, ok := r.Place(t.Context(), id); !ok || p.Position != want+1 {
			t.Errorf("place %d of %s, want %d", p.Position, id, want+1)
		}
	}
	if j, err := r.Prioritize(t.Context(), b.ID, jobs.Normal); err != nil || j.Rev != 1 {
		t.Errorf("the priority it has already is written: %+v, %v", j, err)
	}
	if _, err := r.Prioritize(t.Context(), runs.ID, jobs.High); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("a running job: %v", err)
	}
	if _, err := r.Prioritize(t.Context(), "none", jobs.High); !errdefs.IsNotFound(err) {
		t.Errorf("no job: %v", err)
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(over)
	for len(up) > 0 {
		<-up
	}
	r.start()
	for _, id := range []string{runs.ID, a.ID, b.ID, c.ID} {
		r.wait(id)
	}
	var order []string
	for range 4 {
		order = append(order, <-up)
	}
	if at := slices.DeleteFunc(order, func(s string) bool { return s == "runs" }); !slices.Equal(at, []string{"c", "b", "a"}) {
		t.Errorf("they ran as %v", at)
	}
	if _, err := r.Prioritize(t.Context(), a.ID, jobs.High); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("an ended job: %v", err)
	}
}
