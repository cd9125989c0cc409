package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A real browser plays a job's clip while the job runs, in a page of the
// gateway's own origin. (Opened as a page of its own the clip is confined like
// every answer that a model made, and Chromium does not play it.)
func TestABrowserPlaysAJobThatRuns(t *testing.T) {
	if os.Getenv("VIDEOSDGX_TEST_BROWSER") == "" {
		t.Skip("NOT TESTED: set VIDEOSDGX_TEST_BROWSER=1 to run the tests in a browser (make test does)")
	}
	program := ""
	for _, name := range []string{os.Getenv("VIDEOSDGX_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil && program == "" {
			program = path
		}
	}
	if program == "" {
		t.Fatal("there is no Chromium: make setup-test installs it, or name one in VIDEOSDGX_CHROMIUM")
	}
	h := newHome(t, "process")
	h.function("magi1", "magi1", fmt.Sprintf("model: {name: magi1, bundle: %q}\ntimeout: 10m\n", need(t, tinyMAGI)))
	s := h.serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ctx, stop := chromedp.NewExecAllocator(ctx, chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Headless, chromedp.Flag("autoplay-policy", "no-user-gesture-required"))
	defer stop()
	ctx, end := chromedp.NewContext(ctx)
	defer end()
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	j := into[queued](t, s.do(t, "POST", "/v1/models/magi1/generate", `{"prompt":"a red circle","num_frames":14400,"num_inference_steps":64}`).want(t, 202).body) // minutes of work
	s.do(t, "GET", "/v1/jobs/"+j.ID+"/stream.m3u8", "").want(t, 200)                                                                                              // held until the first chunk is there
	if err := chromedp.Do(ctx, chromedp.Navigate(s.url+"/v1/health")); err != nil {                                                                               // a page of the server's own origin
		t.Fatal(err)
	}
	play := fmt.Sprintf(`document.body.innerHTML = '<video autoplay muted src="/v1/jobs/%s/stream.mp4"></video>'; 0`, j.ID)
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[float64](play)); err != nil {
		t.Fatal(err)
	}
	until(t, "the clip plays", func() bool {
		at, err := chromedp.Run(ctx, chromedp.Evaluate[float64]("document.querySelector('video')?.currentTime ?? 0"))
		if err != nil {
			t.Fatal(err)
		}
		return at > 0.5
	})
	if now := s.job(t, j.ID); now.Status != "running" {
		t.Errorf("when it plays the job is %s", now.Status)
	}
	s.do(t, "DELETE", "/v1/jobs/"+j.ID, "")
	s.untilJob(t, j.ID, "cancelled")
}
