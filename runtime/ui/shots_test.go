package ui_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestScreenshots makes the pictures of README.md, in the folder that VIDEOSDGX_SHOTS names; VIDEOSDGX_SHOTS_OF=phone,laptop
// leaves out the others, VIDEOSDGX_SHOTS_AS=png makes other files than WebP.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("VIDEOSDGX_SHOTS")
	if dir == "" {
		t.Skip("this is no test but the program that makes README.md's pictures: set VIDEOSDGX_SHOTS=FOLDER")
	}
	r := newRig(t, spread(t, 900))
	r.compare()
	furnish(r)
	r.slow()
	for _, theme := range []string{"dark", "light"} {
		w := open(t, r.url+"/", media(theme))
		for _, size := range []struct {
			name       string
			wide, high int64
		}{{"phone", 390, 844}, {"laptop", 1280, 800}, {"wide", 2200, 1240}} {
			if only := os.Getenv("VIDEOSDGX_SHOTS_OF"); only != "" && !strings.Contains(only, size.name) {
				continue
			}
			w.do(chromedp.EmulateViewport(size.wide, size.high, emulateAs(size.name)))
			for _, part := range pages {
				address := r.url + "/#/" + part
				if part == "experiments" {
					address += "?name=painter-or-sketcher"
				}
				w.do(chromedp.Navigate(address))
				w.until("document.querySelector('main') && !document.querySelector('.loading')")
				w.until("[...document.querySelectorAll('video.thumb')].every((v) => v.classList.contains('shown') || v.getBoundingClientRect().top > innerHeight)")
				time.Sleep(700 * time.Millisecond) // pictures fade in
				w.shoot(filepath.Join(dir, fmt.Sprintf("%s-%s-%s.%s", part, size.name, theme, cmp.Or(os.Getenv("VIDEOSDGX_SHOTS_AS"), "webp"))))
			}
		}
	}
}

// spread puts jobs of several people into the last day, the latest of them with clips.
func spread(t *testing.T, n int) option {
	of := ended(t, n)
	return func(o *rigOptions) {
		of(o)
		o.vary = func(i int, j *jobs.Job) {
			prompt := prompts[(i*7+i/9)%len(prompts)]
			j.Request = []byte(fmt.Sprintf(`{"prompt":%s,"seed":%d,"width":832,"height":480,"num_inference_steps":20}`, quoted(prompt), 1000+i*37))
			j.Created = time.Now().Add(-time.Duration(n-i)*90*time.Second - time.Duration(200+100*math.Sin(float64(i)/60))*time.Second).UTC().Truncate(time.Microsecond)
			j.Started = j.Created.Add(time.Duration(i*7%23) * time.Second)
			j.Finished = j.Started.Add(time.Duration(18+i*i%53) * time.Second)
			j.Client, j.Model = []string{"ana", "studio", "night-batch", "joão"}[i/2%9%4], []string{"painter", "painter", "sketcher"}[i%3]
			j.Timing = &jobs.Timing{Cold: i%17 == 0, Create: .04, Start: .31, Init: 1.2 + float64(i%5)/10, GPUs: 1}
			switch {
			case i%29 == 0:
				j.State, j.Result, j.Problem = jobs.Failed, nil, &jobs.Problem{Kind: "timeout", Detail: "The function did not answer within 15m."}
			case i%61 == 0:
				j.State, j.Result, j.Problem = jobs.Failed, nil, &jobs.Problem{Kind: "function", Detail: "The GPU has 1.2 GiB of memory left and the clip needs 3.4 GiB."}
			case i > n-60:
				clip := aClip(t, strings.Repeat("x", i*5+i/3))
				j.Result = &jobs.Result{File: j.ID + ".1.mp4", Size: int64(len(clip)), SHA256: strings.Repeat("0", 64), ContentType: "video/mp4"}
				if err := os.WriteFile(filepath.Join(o.outputs, j.Result.File), clip, 0o600); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

var prompts = []string{"A lighthouse in a storm, waves breaking, seen from above", "A hummingbird over a red flower, very slow motion", "A tram through a rainy city at night, neon on wet streets",
	"Ink spreading in clear water, macro, white background", "A paper boat on a quiet river at dawn, mist over the water, slow camera", "Snow falling on a cedar forest, first light",
	"Desert dunes under drifting clouds, long shadows", "A potter's hands shaping clay, warm window light", "Koi in a green pond, rain rings on the surface", "A balloon rising over terraced fields"}

// emulateAs is what a device is besides its size: a phone's scroll bars take no room.
func emulateAs(name string) chromedp.EmulateViewportOption {
	if name == "phone" {
		return chromedp.EmulateMobile
	}
	return chromedp.EmulateScale(1)
}

// media emulates what the system prefers.
func media(theme string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		return cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
	}
}

// slow makes it look as if what the test's model made had taken its time.
func (r *rig) slow() {
	r.t.Helper()
	all, err := r.store.List(r.t.Context(), jobs.Filter{States: []jobs.State{jobs.Completed, jobs.Failed}, Limit: 80})
	for i, j := range all {
		next := j
		if next.Started = j.Finished.Add(-time.Duration(34+i*i%13) * time.Second); j.Seconds() < 5 {
			_, err = r.store.Swap(r.t.Context(), j, next)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// compare begins an experiment that stands well, with a pair that waits for a vote.
func (r *rig) compare() {
	r.t.Helper()
	call := func(path, body string) string {
		resp, err := http.Post(r.url+path, "application/json", strings.NewReader(body))
		if err != nil {
			r.t.Fatal(err)
		}
		defer resp.Body.Close()
		var out struct{ ID string }
		if b, _ := io.ReadAll(resp.Body); resp.StatusCode > 299 || json.Unmarshal(b, &out) != nil {
			r.t.Fatalf("%s %s", resp.Status, b)
		}
		return out.ID
	}
	call("/v1/experiments", `{"name":"painter-or-sketcher","arms":[{"model":"painter"},{"model":"sketcher"}],"criterion":{"votes":40}}`)
	call("/v1/experiments", `{"name":"half-the-steps","arms":[{"model":"painter","version":"3"},{"model":"painter","version":"4"}],"criterion":{"votes":12},"promote":{"function":"painter","alias":"live"}}`)
	for i := range 18 {
		id := call("/v1/experiments/painter-or-sketcher/pairs", `{"prompt":`+quoted(prompts[i%len(prompts)])+`}`)
		for range 2 {
			r.next <- step{finish: true}
		}
		if i < 17 {
			arm := []int{0, 0, 1, 0, experiments.Tie, 0}[i%6]
			if _, err := r.trials.Vote("painter-or-sketcher", id, fmt.Sprint("viewer", i), arm); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	for i := range 16 {
		id := call("/v1/experiments/half-the-steps/pairs", `{"prompt":`+quoted(prompts[i%len(prompts)])+`}`)
		for range 2 {
			r.next <- step{finish: true}
		}
		e, err := r.trials.Vote("half-the-steps", id, "viewer", min(1, i%7))
		if err == nil && e.Winner != nil {
			_, _ = r.trials.Promoted("half-the-steps", nil)
			break
		}
	}
}

func (w *tab) shoot(path string) {
	w.t.Helper()
	q := int64(62)
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
	for i, p := range prompts[:6] {
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
