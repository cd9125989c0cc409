package ui_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// hostile are texts as nobody writes them who means well.
var hostile = map[string]string{
	"markup": `"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script></textarea></style>{{7*7}}`,
	"rtl":    "\u202eevil\u202c \u0645\u0631\u062d\u0628\u0627 (abc) 123 \u2069\u202emp4.exe",
	"emoji":  "👩‍👩‍👧‍👦🏳️‍🌈🇧🇷 Z̸̢̛͝a̷̛l̵g̸o\u0000-free \ufeff\u200b",
	"long":   strings.Repeat("Wide", 2560),
	"lines":  strings.Repeat("word\n", 2000),
}

// haunted puts jobs of each state into the store with hostile texts wherever a record has any.
func haunted(t *testing.T) option {
	return func(o *rigOptions) {
		o.store = func(s *sqlite.Store) {
			now := time.Now().UTC().Truncate(time.Microsecond)
			i := 0
			for name, text := range hostile {
				request, err := json.Marshal(map[string]any{"prompt": text + " " + name, "seed": 1, "negative_prompt": text, "sampler": text})
				if err != nil {
					t.Fatal(err)
				}
				for _, state := range []jobs.State{jobs.Completed, jobs.Failed, jobs.Queued} {
					i++
					j := jobs.Job{ID: fmt.Sprintf("0194f0a0-7b1e-7435-8000-%012x", i), Model: "painter", Function: "painter", Client: text[:min(len(text), 60)], State: state, Request: request, Batch: "b",
						Created: now.Add(-time.Hour), Ready: now.Add(time.Hour), Deadline: now.Add(9 * time.Hour), MaxAttempts: 3, Reason: text}
					if state != jobs.Queued {
						j.Started, j.Finished, j.Attempts = now.Add(-30*time.Minute), now.Add(-20*time.Minute), 1
						j.Timing = &jobs.Timing{Cold: true, Init: 1, Version: text}
					}
					switch state {
					case jobs.Completed:
						j.Result = &jobs.Result{File: "gone", Size: 1 << 20, SHA256: strings.Repeat("0", 64), ContentType: "video/mp4", Removed: true}
					case jobs.Failed:
						j.Problem = &jobs.Problem{Kind: text, Detail: text, Log: text}
					}
					if err := s.Insert(t.Context(), []jobs.Fresh{{Job: j, Payload: request}}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}

// TestHostileTextsStayTexts: on every page, in both languages and themes, as wide as a small phone and as a laptop, nothing becomes markup,
// sticks out or turns the direction of what is around it; and the windows over the pages and the keyboard work all the same.
func TestHostileTextsStayTexts(t *testing.T) {
	var names []string
	for _, text := range hostile {
		names = append(names, text[:min(len(text), 120)])
	}
	r := newRig(t, haunted(t), func(o *rigOptions) { o.loras = names }, func(o *rigOptions) { o.before = func(dir string) { haunt(t, dir) } })
	if _, err := r.catalog.Put(t.Context(), spec.Function{Name: "evil", Image: "oci:" + hostile["markup"], Description: hostile["long"]}); err != nil {
		t.Fatal(err)
	}
	var up []spec.InstanceStatus
	for _, name := range []string{hostile["markup"], hostile["rtl"], hostile["long"][:400]} { // as no registry takes them
		if _, err := r.catalog.Put(t.Context(), spec.Function{Name: name, Image: "oci:x", Model: &spec.Model{Name: "m" + name, Bundle: "/models/x"}}); err != nil {
			t.Fatal(err)
		}
		up = append(up, spec.InstanceStatus{ID: name, Function: name, State: spec.Idle, Served: 3, Memory: 5 << 30})
	}
	r.fleet.set(up...)
	for i, text := range []string{hostile["markup"], hostile["rtl"]} {
		body, err := json.Marshal(map[string]any{"prompt": text})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			post(t, r.url+"/v1/experiments", `{"name":"ab","arms":[{"model":"painter"},{"model":"sketcher"}]}`)
		}
		post(t, r.url+"/v1/experiments/ab/pairs", string(body))
	}
	w := open(t, r.url+"/")
	w.deaf = "status of"
	clean := func(where string) {
		t.Helper()
		got := js[struct {
			Pwned, Who string
			Wide, Room int
		}](w, `(() => {
			const room = document.documentElement.clientWidth;
			const out = [...document.querySelectorAll('body *')].find((e) => { const b = e.getBoundingClientRect(); return b.width && b.right > room + 1 && !e.closest('.strip, .scroll, .sr, .skip, pre, .aurora, .chart, .visually, dialog') && getComputedStyle(e).position !== 'absolute' });
			return {pwned: String(window.pwned) + document.querySelectorAll('img[src=x], #app script, #app style').length, wide: document.documentElement.scrollWidth, room, who: out ? out.tagName + '.' + out.className + ': ' + out.innerText.slice(0, 60) : ''} })()`)
		if got.Pwned != "undefined0" {
			t.Errorf("%s: a text became markup: %s", where, got.Pwned)
		}
		if got.Wide > got.Room {
			t.Errorf("%s is %d wide in a window of %d; %s sticks out", where, got.Wide, got.Room, got.Who)
		}
		if bad := js[string](w, `[...document.querySelectorAll('.prompt, .tile-prompt')].filter((e) => !['plaintext', 'isolate'].includes(getComputedStyle(e).unicodeBidi)).map((e) => e.className).join()`); bad != "" {
			t.Errorf("%s: %s takes the direction of its text outside", where, bad)
		}
	}
	for i, language := range []string{"en", "pt-BR"} {
		for k, wide := range []int64{320, 1280} {
			theme := []string{"light", "dark"}[(i+k)%2]
			w.as(language, theme)
			w.do(chromedp.EmulateViewport(wide, 800))
			for _, part := range pages {
				w.visit(fmt.Sprintf("%s/?%s%d#/%s", r.url, language, wide, part))
				if part == "analytics" {
					w.click("[role=group] button:nth-of-type(2)", "")
					w.settle()
				}
				clean(fmt.Sprintf("%s, %s, %s, %d wide", part, language, theme, wide))
			}
			for name := range hostile {
				w.visit(fmt.Sprintf("%s/?%s%d%s#/gallery", r.url, language, wide, name))
				w.click(".tile-open", name)
				w.until("document.querySelector('dialog[open] .facts')")
				clean("a clip's window, " + name)
				if n := js[int](w, "Math.round(document.querySelector('dialog[open]').getBoundingClientRect().right - innerWidth)"); n > 0 {
					t.Errorf("%s: the window sticks out by %d", name, n)
				}
				w.do(chromedp.KeyEvent(kb.Escape)) // the keyboard alone
				w.until("!document.querySelector('dialog[open]')")
			}
		}
	}
	w.as("en", "light")
	w.visit(r.url + "/?logs#/models")
	w.click(".fn button", "Logs")
	w.sees("line 2 of <b>")
	w.until("document.querySelectorAll('[role=log] div').length >= 8")
	clean("the logs")
	if n := js[int](w, "Math.round(document.querySelector('dialog[open]').getBoundingClientRect().right - innerWidth)"); n > 0 {
		t.Errorf("the logs stick out by %d", n)
	}
	w.do(chromedp.KeyEvent(kb.Escape))
	w.visit(r.url + "/?last#/make")
	w.fill("#f-prompt", "typed")
	js[bool](w, `(() => { const a = document.querySelector('#f-prompt'); a.value = `+quoted(hostile["long"])+`; a.dispatchEvent(new Event('input', {bubbles: true})); return true })()`)
	w.do(chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(kb.ModifierCtrl)))
	w.until("document.querySelector('[data-field=prompt] .error')?.innerText.includes('8192')") // 10 kB are too many, and it says so
	clean("a prompt of 10 kB in the form")
}

func post(t *testing.T, url, body string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode > 299 {
		t.Fatal(resp.Status)
	}
}

// haunt leaves an experiment whose file somebody has written by hand.
func haunt(t *testing.T, dir string) {
	t.Helper()
	winner := 1
	e := experiments.Experiment{Name: "haunted", Arms: [2]experiments.Arm{{Model: hostile["markup"], Version: hostile["rtl"]}, {Model: hostile["long"][:300], Version: "2"}}, Criterion: experiments.Criterion{Votes: 1, Confidence: 0.9},
		Promote: &experiments.Promotion{Function: hostile["rtl"], Alias: hostile["markup"]}, Traffic: &experiments.Traffic{Function: hostile["markup"], Alias: hostile["rtl"] + hostile["markup"], Share: 0.3}, Winner: &winner, Failure: hostile["markup"] + hostile["long"][:300], Pairs: []experiments.Pair{}}
	b, err := json.Marshal(e)
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, "experiments"), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "experiments", "haunted.json"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
