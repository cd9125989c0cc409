package jobs_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// deafStore loses the answer to the write that completes a job, once: the write has happened all the same.
type deafStore struct {
	jobs.Backend
	lost atomic.Bool
}

func (d *deafStore) Swap(ctx context.Context, old, next jobs.Job) (jobs.Job, error) {
	got, err := d.Backend.Swap(ctx, old, next)
	if err == nil && next.State == jobs.Completed && d.lost.CompareAndSwap(false, true) {
		return jobs.Job{}, errors.New("connection reset by peer")
	}
	return got, err
}

// TestLostAnswerKeepsTheFile: a store whose connection broke between the write and its answer must not make the node
// think that another has taken the job over.
func TestLostAnswerKeepsTheFile(t *testing.T) {
	d := &deafStore{}
	r := newRig(t, nil, func(r *rig) { d.Backend = r.deps.Store; r.deps.Store = d })
	j := r.wait(r.submit("x").ID)
	if j.State != jobs.Completed || !d.lost.Load() {
		t.Fatalf("%+v", j)
	}
	if err := r.Stop(t.Context()); err != nil { // the attempt is over for good
		t.Fatal(err)
	}
	f, _, err := r.Open(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, _ := io.ReadAll(f); string(b) != "clip of x" {
		t.Fatalf("%q", b)
	}
}
