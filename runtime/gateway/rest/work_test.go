package rest

import "testing"

// What a request has to do is what its time grows with: with what it leaves out, whichever fields its model has.
func TestWork(t *testing.T) {
	r := newRig(t, nil)
	j := r.generate(`{"prompt":"p","num_frames":9,"num_inference_steps":4}`)
	kept, err := r.jobs.Get(t.Context(), j.ID)
	if err != nil || kept.Work <= 0 {
		t.Fatalf("%g, %v", kept.Work, err)
	}
	more := r.generate(`{"prompt":"q","num_frames":9,"num_inference_steps":8}`)
	twice, err := r.jobs.Get(t.Context(), more.ID)
	if err != nil || twice.Work != 2*kept.Work {
		t.Errorf("twice the steps are %g after %g, %v", twice.Work, kept.Work, err)
	}
}
