package ui_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestScreenshots makes the pictures of README.md, in the folder that VIDEOSDGX_SHOTS names.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("VIDEOSDGX_SHOTS")
	if dir == "" {
		t.Skip("NOT TESTED: set VIDEOSDGX_SHOTS=FOLDER to take screenshots")
	}
	r := newRig(t, spread(t, 900))
	furnish(r)
	for _, theme := range []string{"dark", "light"} {
		w := open(t, r.url+"/", media(theme))
		for _, size := range []struct {
			name       string
			wide, high int64
		}{{"phone", 390, 844}, {"laptop", 1440, 900}, {"wide", 2200, 1240}} {
			w.do(chromedp.EmulateViewport(size.wide, size.high))
			for _, part := range pages {
				w.do(chromedp.Navigate(r.url + "/#/" + part))
				w.until("document.querySelector('main') && !document.querySelector('.loading')")
				time.Sleep(700 * time.Millisecond) // pictures fade in
				w.shoot(filepath.Join(dir, fmt.Sprintf("%s-%s-%s.%s", part, size.name, theme, cmp.Or(os.Getenv("VIDEOSDGX_SHOTS_AS"), "webp"))))
			}
		}
	}
}

// spread puts jobs of several people into the last day.
func spread(t *testing.T, n int) option {
	of := ended(t, n)
	return func(o *rigOptions) {
		of(o)
		o.vary = func(i int, j *jobs.Job) {
			j.Created = time.Now().Add(-time.Duration(n-i) * 90 * time.Second).UTC().Truncate(time.Microsecond)
			j.Started = j.Created.Add(time.Duration(i*7%23) * time.Second)
			j.Finished = j.Started.Add(time.Duration(18+i*i%53) * time.Second)
			j.Client, j.Model = []string{"ana", "studio", "night-batch", "joão"}[i*i%4], []string{"painter", "painter", "sketcher"}[i%3]
			j.Timing = &jobs.Timing{Cold: i%17 == 0, Create: .04, Start: .31, Init: 1.2 + float64(i%5)/10, GPUs: 1}
			if i%29 == 0 {
				j.State, j.Result, j.Problem = jobs.Failed, nil, &jobs.Problem{Kind: "timeout", Detail: "The function did not answer within 15m."}
			}
		}
	}
}

// media emulates what the system prefers.
func media(theme string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		return cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
	}
}

func (w *tab) shoot(path string) {
	w.t.Helper()
	q := int64(82)
	res, err := chromedp.Run(w.ctx, func(ctx context.Context, t *chromedp.Target) (page.CaptureScreenshotResult, error) {
		return cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormat(strings.TrimPrefix(filepath.Ext(path), ".")), Quality: &q})
	})
	if err == nil {
		err = os.WriteFile(path, res.Data, 0o644)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

var pages = []string{"make", "watch", "gallery", "models", "analytics", "experiments"}

// furnish fills a server with what a person would have made.
func furnish(r *rig) {
	prompts := []string{"A lighthouse in a storm, waves breaking, seen from above", "A hummingbird over a red flower, very slow motion", "A tram through a rainy city at night, neon on wet streets",
		"Ink spreading in clear water, macro, white background", "A paper boat on a quiet river at dawn, mist over the water, slow camera", "Snow falling on a cedar forest, first light"}
	for i, p := range prompts {
		id := r.generate(p)
		if i == 3 {
			r.next <- step{fail: "the prompt has 9000 bytes: 8192 at most"}
		} else {
			r.next <- step{progress: spec.Progress{Phase: "denoise", Step: 1, Steps: 20}}
			r.next <- step{finish: true}
		}
		for !r.state(id).Ended() {
			time.Sleep(20 * time.Millisecond)
		}
	}
	r.fleet.set(spec.InstanceStatus{ID: "painter-7f3a", Function: "painter", Version: "$LATEST", State: spec.Busy, Since: time.Now().Add(-time.Minute), Started: time.Now().Add(-time.Hour), Served: 6, InFlight: 1, StartedBy: "plain", Cold: 1550 * time.Millisecond, Memory: 5 << 30},
		spec.InstanceStatus{ID: "sketcher-1b20", Function: "sketcher", Version: "$LATEST", State: spec.Staged, Since: time.Now().Add(-3 * time.Minute), Memory: 12 << 20})
	r.generate("A red fox crossing fresh snow, low sun, long shadows, shallow depth of field")
	r.generate("Clouds racing over a mountain ridge, time lapse")
	r.generate("A glass of tea on a wooden table, steam in the sunlight")
	for n := range 13 {
		r.next <- step{progress: spec.Progress{Phase: "denoise", Step: n + 1, Steps: 20, Preview: aPreview(n)}}
	}
}
