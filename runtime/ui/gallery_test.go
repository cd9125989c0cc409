package ui_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// ended puts jobs into a store that have ended long ago, without a clip.
func ended(t *testing.T, n int) option {
	return func(o *rigOptions) {
		o.store = func(s *sqlite.Store) {
			begin := time.Now().Add(-30 * time.Hour).UTC().Truncate(time.Microsecond)
			for from := 0; from < n; from += 500 {
				var fresh []jobs.Fresh
				for i := from; i < min(n, from+500); i++ {
					at := begin.Add(time.Duration(i) * time.Second)
					ms := fmt.Sprintf("%012x", at.UnixMilli())
					fresh = append(fresh, jobs.Fresh{Job: jobs.Job{
						ID: fmt.Sprintf("%s-%s-7000-8000-%012x", ms[:8], ms[8:], i), Model: "painter", Function: "painter", Client: "test", State: jobs.Completed,
						Request: []byte(fmt.Sprintf(`{"prompt":"clip number %d of the archive","seed":%d,"width":832,"height":480}`, i, i)), Created: at, Ready: at, Started: at.Add(time.Second),
						Finished: at.Add(time.Duration(20+i%40) * time.Second), Attempts: 1, MaxAttempts: 3, Timing: &jobs.Timing{Cold: i%20 == 0, Init: 2, Version: "$LATEST"},
						Result: &jobs.Result{File: "gone", Size: 1 << 20, SHA256: strings.Repeat("0", 64), ContentType: "video/mp4", Removed: true},
					}, Payload: []byte(`{}`)})
				}
				for i := range fresh {
					if o.vary != nil {
						o.vary(from+i, &fresh[i].Job)
					}
				}
				if err := s.Insert(t.Context(), fresh); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestTenThousandClipsScrollSmoothly looks at what is in the document, and at how long frames take, all the way down.
func TestTenThousandClipsScrollSmoothly(t *testing.T) {
	r := newRig(t, instant, ended(t, 10_000))
	w := open(t, r.url+"/#/gallery")
	w.sees("clip number 9999 of the archive")
	got := js[struct {
		Frames, Slow, Most int
		Worst              float64
		Last               string
	}](w, `(async () => {
		let frames = 0, slow = 0, most = 0, worst = 0, then = performance.now();
		const end = Date.now() + 60000;
		for (;;) {
			scrollBy(0, 2500);
			await new Promise((r) => requestAnimationFrame(r));
			const now = performance.now();
			if (frames++) { const d = now - then; worst = Math.max(worst, d); if (d > 100) slow++; }
			then = now;
			most = Math.max(most, document.querySelectorAll('.tile').length);
			if (document.body.innerText.includes('clip number 0 of') || Date.now() > end) break;
		}
		return {frames, slow, most, worst, last: [...document.querySelectorAll('.tile-prompt')].at(-1).innerText};
	})()`)
	t.Logf("%d frames, %d above 100 ms, the longest %.0f ms; %d tiles at most", got.Frames, got.Slow, got.Worst, got.Most)
	if got.Last != "clip number 0 of the archive" {
		t.Errorf("the last tile is %q", got.Last)
	}
	if got.Most > 120 {
		t.Errorf("%d tiles are in the document at once", got.Most)
	}
}

func TestTheGallery(t *testing.T) {
	r := newRig(t, instant)
	for _, p := range []string{"a red kite", "a Blue kite", "a green boat"} {
		id := r.generate(p)
		for !r.state(id).Ended() {
			time.Sleep(10 * time.Millisecond)
		}
	}
	w := open(t, r.url+"/#/gallery")
	w.sees("a green boat")
	w.until("document.querySelector('.tile video')?.readyState >= 1")
	w.fill("input[type=search]", "blue")
	w.until("document.querySelectorAll('.tile').length === 1")
	w.click(".tile-star button", "Add to favourites")
	w.fill("input[type=search]", "nothing at all")
	w.sees("Nothing fits")
	w.fill("input[type=search]", " ")
	w.click("[role=group] button", "Favourites")
	w.until("document.querySelectorAll('.tile').length === 1 && document.body.innerText.includes('a Blue kite')")
	w.click("[role=group] button", "Done")
	w.until("document.querySelectorAll('.tile').length === 3")

	js[bool](w, "document.querySelectorAll('.tile-pick input').forEach((e, i) => i < 2 && e.click()) || true")
	w.click("button", "Side by side")
	w.until("document.querySelectorAll('dialog .compare-grid video').length === 2")
	w.do(chromedp.KeyEvent(kb.Escape))
	w.until("!document.querySelector('dialog[open]')")

	w.click(".tile-open", "a red kite")
	w.sees("from the file itself") // the comment inside the MP4
	w.sees("160 × 96")
	w.click("dialog button", "Use these settings")
	w.until("document.querySelector('#f-prompt')?.value === 'a red kite' && document.querySelector('#f-seed')?.value === '7'")

	w.do(chromedp.Navigate(r.url + "/#/gallery"))
	w.click(".tile-open", "a green boat")
	w.deaf = "status of 404" // a player that still asks for what is being deleted
	w.click("dialog button", "Delete")
	w.click("dialog button.danger", "Delete")
	w.until("document.querySelectorAll('.tile').length === 2")
	if all, err := r.jobs.List(t.Context(), jobs.Filter{}); err != nil || len(all) != 2 {
		t.Error(len(all), err)
	}
}

func TestTheGalleryByKeyboard(t *testing.T) {
	r := newRig(t, instant, ended(t, 300))
	w := open(t, r.url+"/#/gallery")
	w.sees("clip number 299 of the archive")
	js[bool](w, "document.querySelector('.tile-open').focus() || true")
	const at = "document.activeElement.closest('.tile')?.dataset.at"
	for range 3 {
		before := js[string](w, at)
		w.do(chromedp.KeyEvent(kb.ArrowDown)) // down
		w.until("(" + at + " ?? " + quoted(before) + ") !== " + quoted(before))
	}
	w.do(chromedp.KeyEvent(kb.ArrowRight)) // right
	w.until("document.activeElement.closest('.tile') && Number(document.activeElement.closest('.tile').dataset.at) > 9")
	w.do(chromedp.KeyEvent(kb.Enter))
	w.until("document.querySelector('dialog[open]')")
}

func TestModelsAndFunctions(t *testing.T) {
	r := newRig(t, instant)
	id := r.generate("for the waterfall")
	for !r.state(id).Ended() {
		time.Sleep(10 * time.Millisecond)
	}
	r.fleet.set(spec.InstanceStatus{ID: "painter-7f3a", Function: "painter", State: spec.Idle, Served: 3, Memory: 5 << 30, Expires: time.Now().Add(time.Minute)})
	w := open(t, r.url+"/#/models")
	w.sees("painter-7f3a")
	w.sees("5 GiB")
	w.sees("Last cold start")
	w.until("document.querySelector('.fall .track i').offsetWidth > 0")
	w.click("button", "Logs")
	w.sees("line 2 of <b>painter</b>")
	w.do(chromedp.KeyEvent(kb.Escape))
	w.click("button", "Keep in memory")
	w.sees("Let it go")
	if fn, err := r.catalog.Get(t.Context(), "painter", ""); err != nil || !fn.Pin {
		t.Error("painter is not pinned", err)
	}
	w.click("button", "Unload painter-7f3a")
	w.until("!document.body.innerText.includes('painter-7f3a')")
	w.click("button", "Load")
	w.sees("painter-2")

	w.click("button", "Deploy")
	w.fill("dialog form label:nth-of-type(1) input", "etcher")
	w.click("dialog button[type=submit]", "Deploy")
	w.fill("dialog form label:nth-of-type(2) input", "oci:etcher")
	w.click("dialog button[type=submit]", "Deploy")
	w.sees("etcher is deployed.")
	if _, err := r.catalog.Get(t.Context(), "etcher", ""); err != nil {
		t.Error(err)
	}
	w.click("button", "Delete the function etcher")
	w.click("dialog button.danger", "Delete the function")
	w.until("!document.body.innerText.includes('oci:etcher')")
	if resp, err := http.Get(r.url + "/api/v1/functions/etcher"); err != nil || resp.StatusCode != 404 {
		t.Error(resp.Status, err)
	}
}

func TestUsage(t *testing.T) {
	r := newRig(t, instant, ended(t, 600))
	w := open(t, r.url+"/#/analytics")
	w.sees("Nothing ended in this time") // the archive is of yesterday
	w.click("[role=group] button", "Week")
	w.sees("From request to clip")
	w.until("document.querySelectorAll('.chart canvas').length === 2")
	w.until("[...document.querySelectorAll('.figure strong')][0].innerText === '600'")
	w.until("[...document.querySelectorAll('.figure strong')][2].innerText === '5%'")
	w.fill("#price", "2")
	w.until("[...document.querySelectorAll('.figure strong')][3].innerText !== '–'")
	w.click("summary", "As a table")
	w.until("document.querySelector('.asa table td').innerText !== ''")
}

func TestABlindComparison(t *testing.T) {
	r := newRig(t, instant)
	w := open(t, r.url+"/#/experiments")
	w.sees("Nothing is compared yet")
	w.click("button", "New comparison")
	w.fill("dialog form label input", "kites")
	js[bool](w, "(() => { const v = document.querySelector('dialog input[type=number]'); v.value = 4; v.dispatchEvent(new Event('input', {bubbles: true})); return true })()")
	w.click("dialog button[type=submit]", "Begin")
	for range 6 {
		w.fill(".arena input", "a kite")
		w.click(".arena button[type=submit]", "Have both make it")
		w.until("document.querySelectorAll('.match video').length === 2 && document.querySelector('.choices').innerText.includes('No difference')")
		if text := w.text(".match"); strings.Contains(text, "painter") || strings.Contains(text, "sketcher") {
			t.Fatalf("the match says whose the clips are: %s", text)
		}
		made := js[string](w, "fetch('/v1/experiments/kites/pairs').then((r) => r.json()).then((p) => p.pairs[0].id)")
		left := r.painterIsLeft(made)
		js[bool](w, "document.activeElement.blur() || true")
		w.do(chromedp.KeyEvent(map[bool]string{true: kb.ArrowLeft, false: kb.ArrowRight}[left]))
		w.until("document.querySelector('.match strong')") // now it says
		if js[bool](w, "document.querySelector('.fn .chip').innerText === 'decided'") {
			break
		}
		w.click(".choices button", "Next pair")
	}
	w.sees("decided")
	w.until("document.querySelector('.versus .won')?.innerText.includes('painter')")
}

func TestACheckpointIsPulledAndBuilt(t *testing.T) {
	r := newRig(t, instant)
	w := open(t, r.url+"/#/models")
	w.fill("#repository", "team/model")
	w.click("button", "Pull")
	w.until("document.querySelector('.ups [role=progressbar]')?.ariaValueNow === '42'")
	w.click(".ups button", "Logs")
	w.until("document.querySelector('dialog .log').innerText.includes('30 s left')")
	r.release()
	w.until("document.querySelector('dialog .log').innerText.includes('every digest right')")
	w.do(chromedp.KeyEvent(kb.Escape))
	w.until("document.querySelector('.ups .chip.completed')?.innerText === 'done'")
	w.until("document.querySelector('#checkpoint').value === 'model'")
	w.click("button", "Build")
	w.until("document.querySelectorAll('.ups .chip.completed').length === 2")
}

func TestAnAliasIsSharedByTwoVersions(t *testing.T) {
	r := newRig(t, instant)
	w := open(t, r.url+"/#/experiments")
	w.click("button", "New comparison")
	field := func(label, value string) {
		js[bool](w, "(() => { const l = [...document.querySelectorAll('dialog label')].find((l) => l.innerText.startsWith("+quoted(label)+")), i = l.querySelector('input,select'); i.value = "+quoted(value)+"; i.dispatchEvent(new Event('input', {bubbles: true})); i.dispatchEvent(new Event('change', {bubbles: true})); return true })()")
	}
	w.fill("dialog form label input", "fewer-steps")
	js[bool](w, "(() => { const s = document.querySelectorAll('dialog select')[1]; s.value = 'painter'; s.dispatchEvent(new Event('change', {bubbles: true})); return true })()")
	js[bool](w, "[...document.querySelectorAll('dialog label')].filter((l) => l.innerText.startsWith('Version')).forEach((l, k) => { const i = l.querySelector('input'); i.value = String(k + 3); i.dispatchEvent(new Event('input', {bubbles: true})); }) || true")
	field("Alias that serves both", "live")
	field("% for the second arm", "20")
	w.click("dialog button[type=submit]", "Begin")
	w.sees("The alias live serves both versions")
	if got := <-r.routes; got != "painter:live=3,4,0.2" {
		t.Errorf("the alias is pointed %s", got)
	}
	w.sees("Version 3: 80%")
	js[bool](w, "document.querySelector('.traffic input[type=range]').focus() || true")
	w.do(chromedp.KeyEvent(kb.ArrowRight))
	w.sees("Version 4: 25%")
	if got := <-r.routes; got != "painter:live=3,4,0.25" {
		t.Errorf("the alias is pointed %s", got)
	}
	w.do(chromedp.Navigate(r.url + "/#/make"))
	w.fill("#f-prompt", "by the alias")
	w.click("summary", "Advanced")
	w.fill("#f-version", "live")
	w.click("button[type=submit]", "Make it")
	w.until("document.querySelector('.screen video')")
	if all, err := r.jobs.List(t.Context(), jobs.Filter{}); err != nil || all[0].Qualifier != "live" {
		t.Errorf("%v, %v", all, err)
	}
}

// What is no video has a picture of its own kind in its tile: a sound is no film.
func TestATileSaysWhatKindOfResultItIs(t *testing.T) {
	kinds := []string{"video/mp4", "audio/wav", "image/png"}
	r := newRig(t, instant, func(o *rigOptions) { o.vary = func(i int, j *jobs.Job) { j.Result.ContentType = kinds[i] } }, ended(t, len(kinds)))
	w := open(t, r.url+"/#/gallery")
	w.until("document.querySelectorAll('.tile .thumb-blank path').length === 3")
	if n := js[int](w, "new Set([...document.querySelectorAll('.tile .thumb-blank path')].map((p) => p.getAttribute('d'))).size"); n != 3 {
		t.Errorf("%d different pictures for a clip, a sound and a still", n)
	}
}
