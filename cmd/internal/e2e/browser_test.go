package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/videosdgx/videosdgx/internal/browsertest"
)

// A real browser plays a job's clip while the job runs, in a page of the
// gateway's own origin. (Opened as a page of its own the clip is confined like
// every answer that a model made, and Chromium does not play it.)
func TestABrowserPlaysAJobThatRuns(t *testing.T) {
	ctx := browsertest.Open(t, 4*time.Minute)
	h := newHome(t, "process")
	h.function("magi1", "magi1", fmt.Sprintf("model: {name: magi1, bundle: %q}\ntimeout: 10m\n", need(t, tinyMAGI)))
	s := h.serve(t)
	j := into[queued](t, s.do(t, "POST", "/v1/models/magi1/generate", `{"prompt":"a red circle","num_frames":14400,"num_inference_steps":64}`).want(t, 202).body) // minutes of work
	s.do(t, "GET", "/v1/jobs/"+j.ID+"/stream.m3u8", "").want(t, 200)                                                                                              // held until the first chunk is there
	if err := chromedp.Do(ctx, chromedp.Navigate(s.url+"/v1/health")); err != nil {                                                                               // a page of the server's own origin
		t.Fatal(err)
	}
	play := fmt.Sprintf(`document.body.innerHTML = '<video autoplay muted src="/v1/jobs/%s/stream.mp4"></video>'; 0`, j.ID)
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[float64](play)); err != nil {
		t.Fatal(err)
	}
	until(t, "the clip plays", func() bool { return browsertest.Playing(t, ctx) > 0.5 })
	if now := s.job(t, j.ID); now.Status != "running" {
		t.Errorf("when it plays the job is %s", now.Status)
	}
	s.do(t, "DELETE", "/v1/jobs/"+j.ID, "")
	s.untilJob(t, j.ID, "cancelled")
}
