package e2e

import (
	"strings"
	"testing"
	"time"
)

// slow is a request that takes longer than any test.
const slow = `{"prompt":"a red circle","width":128,"height":128,"num_frames":33,"num_inference_steps":100}`

func (s *server) untilJob(t *testing.T, id, status string) job {
	t.Helper()
	var j job
	until(t, "job is "+status, func() bool {
		j = s.job(t, id)
		return j.Status == status || j.Status == "failed" || j.Status == "dead"
	})
	if j.Status != status {
		t.Fatalf("%+v: %+v", j, j.Error)
	}
	return j
}

func TestJobsSurviveARestart(t *testing.T) {
	h := newHome(t, "process")
	h.wan21(need(t, bundle), "")
	s := h.serve(t)
	done := s.submit(t, request(`"prompt":"done before"`))
	s.untilJob(t, done.ID, "completed")
	clip := s.do(t, "GET", "/v1/jobs/"+done.ID+"/download", "").want(t, 200).body
	running := s.submit(t, strings.Replace(slow, `"num_inference_steps":100`, `"num_inference_steps":4`, 1))
	queued := s.submit(t, request(`"prompt":"queued"`))
	s.untilJob(t, running.ID, "running")
	s.kill()
	s = h.serve(t)
	if again := s.do(t, "GET", "/v1/jobs/"+done.ID+"/download", "").want(t, 200); string(again.body) != string(clip) {
		t.Error("the finished clip has changed")
	}
	s.untilJob(t, running.ID, "completed")
	s.untilJob(t, queued.ID, "completed")
}

func TestCancelOfARunningJobStopsItWithinASecond(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.wan21(need(t, bundle), "")
		s := h.serve(t)
		j := s.submit(t, slow)
		s.untilJob(t, j.ID, "running")
		until(t, "the instance is busy", func() bool { i := s.instances(t); return len(i) == 1 && i[0].State == "busy" })
		begin := time.Now()
		s.do(t, "DELETE", "/v1/jobs/"+j.ID, "")
		s.untilJob(t, j.ID, "cancelled")
		until(t, "nothing is busy", func() bool {
			for _, i := range s.instances(t) {
				if i.State == "busy" {
					return false
				}
			}
			return true
		})
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("took %s", took)
		}
		s.clip(t, `"prompt":"the next one works"`)
	})
}
