package ui_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestAClipIsMadeAndWatched(t *testing.T) {
	r := newRig(t)
	w := open(t, r.url+"/")
	w.sees("What shall your first clip show?") // nothing has been made, and the page knows
	w.sees("Connected")
	w.fill("#f-prompt", "a lantern over dark water")
	w.click("button[type=submit]", "Make it")
	w.until("document.querySelector('.screen .live')")
	for n := 1; n <= 3; n++ {
		r.next <- step{progress: spec.Progress{Phase: "denoise", Step: n, Steps: 20, Preview: aPreview(n)}}
	}
	w.sees("Painting: step 3 of 20")
	w.until("document.querySelector('.screen .live-picture')?.complete")
	w.do(chromedp.Reload()) // the server knows what is going on, not the page
	w.sees("a lantern over dark water")
	w.sees("Painting: step 3 of 20")
	r.next <- step{finish: true}
	w.until("document.querySelector('.screen video')?.readyState >= 2")
	if got := js[float64](w, "document.querySelector('.screen video').videoWidth"); got != 160 {
		t.Errorf("the clip is %v wide", got)
	}
	w.until("document.querySelector('.screen video').currentTime > 0")
	w.sees("measured on 1 such clip")
}

func TestTheFormIsMadeOfTheSchema(t *testing.T) {
	r := newRig(t, instant)
	w := open(t, r.url+"/")
	w.until("document.querySelector('#f-prompt')")
	for _, id := range []string{"negative_prompt", "width", "num_frames", "fps", "num_inference_steps", "guidance_scale", "sampler", "seed"} {
		w.until("document.querySelector('#f-" + id + "')")
	}
	if js[bool](w, "document.querySelector('.advanced').open") {
		t.Error("the advanced part is not folded")
	}
	w.click("button[type=submit]", "Make it")
	w.sees("This is needed.")
	w.fill("#f-prompt", "one")
	w.click(".pill", "Draft")
	w.click(".pill", "9:16")
	w.click(".seed-row button", "Roll a new seed")
	w.click("button", "Add")
	w.until("document.querySelector('[data-field=loras] select')?.value === 'film-grain'")
	js[bool](w, "(() => { const s = document.querySelector('[data-field=loras] select'); s.value = 'watercolour'; s.dispatchEvent(new Event('change', {bubbles: true})); return true })()")
	seed := js[string](w, "document.querySelector('#f-seed').value")
	w.click("button[type=submit]", "Make it")
	w.until("document.querySelector('.screen video')")
	got := r.calls.Calls()
	if len(got) != 1 {
		t.Fatalf("%d calls", len(got))
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(got[0].Event.Body), &body); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"prompt": "one", "num_inference_steps": "8", "preview": "true", "seed": seed, "loras": "[map[name:watercolour scale:1]]"}
	for k, v := range want {
		if s := fmt.Sprint(number(body[k])); s != v {
			t.Errorf("%s is %s, want %s", k, s, v)
		}
	}
	if wide, high := body["width"].(float64), body["height"].(float64); wide >= high || int(wide)%16 != 0 || int(high)%16 != 0 {
		t.Errorf("9:16 is %v × %v", wide, high)
	}
	if _, there := body["fps"]; there {
		t.Error("a default was sent")
	}
}

func number(v any) any {
	if f, ok := v.(float64); ok {
		return int64(f)
	}
	return v
}

func TestWhatTheServerRefusesIsToldAtTheField(t *testing.T) {
	r := newRig(t, instant)
	w := open(t, r.url+"/")
	w.deaf = "status of 422"
	w.fill("#f-prompt", strings.Repeat("long ", 10))
	js[bool](w, `(() => { const a = document.querySelector('#f-prompt'); a.value = 'ä'.repeat(5000); a.dispatchEvent(new Event('input', {bubbles: true})); return true })()`)
	w.click("button[type=submit]", "Make it")
	w.until("document.querySelector('[data-field=prompt] .error')?.innerText.includes('8192')")
	if got := js[string](w, "document.activeElement.id"); got != "f-prompt" {
		t.Errorf("the focus is at %q", got)
	}
}

func TestFramesAreDropped(t *testing.T) {
	r := newRig(t, instant)
	w := open(t, r.url+"/")
	w.fill("#f-prompt", "from a picture")
	w.until("document.querySelector('[data-field=image].drop')")
	js[bool](w, `(async () => {
		const c = document.createElement('canvas'); c.width = 64; c.height = 36; c.getContext('2d').fillRect(0, 0, 64, 36);
		const blob = await new Promise((r) => c.toBlob(r, 'image/png'));
		const d = new DataTransfer(); d.items.add(new File([blob], 'first.png', {type: 'image/png'}));
		document.querySelector('[data-field=image].drop').dispatchEvent(new DragEvent('drop', {dataTransfer: d, bubbles: true, cancelable: true}));
		return true })()`)
	w.sees("first.png")
	w.click("button[type=submit]", "Make it")
	w.until("document.querySelector('.screen video')")
	c := r.calls.Calls()[0]
	if len(c.Files) != 1 || !strings.Contains(c.Event.Body, `"image":"file:`) {
		t.Errorf("files %v in %s", c.Files, c.Event.Body)
	}
}

func TestJobsAreCancelledAndRetried(t *testing.T) {
	r := newRig(t)
	a, b := r.generate("the one that runs"), r.generate("the one that waits")
	w := open(t, r.url+"/#/watch")
	w.sees("the one that runs")
	w.sees("the one that waits")
	w.until("document.querySelector('.place').innerText === '1'") // 2 until the first one runs
	w.click("ol.rows button", "Cancel: the one that waits")
	w.until("[...document.querySelectorAll('ul.rows .chip')].some((c) => c.innerText === 'Cancelled')")
	r.next <- step{fail: "no such brush"}
	w.sees("No such brush.")
	w.click("button", "Retry: the one that runs")
	w.until("document.querySelector('.run')")
	r.next <- step{finish: true}
	w.until("[...document.querySelectorAll('ul.rows .chip')].some((c) => c.innerText === 'Done')")
	if r.state(a) != jobs.Completed || r.state(b) != jobs.Cancelled {
		t.Error(r.state(a), r.state(b))
	}
}

func TestThePageFindsTheServerAgain(t *testing.T) {
	gate := newGate()
	r := newRig(t, func(o *rigOptions) { o.wrap = append(o.wrap, gate.wrap) })
	r.generate("through a break")
	w := open(t, r.url+"/#/watch")
	w.deaf = "net::ERR"
	w.sees("through a break")
	gate.shut()
	w.sees("The server does not answer.")
	r.next <- step{progress: spec.Progress{Phase: "decode", Step: 2, Steps: 5}}
	time.Sleep(100 * time.Millisecond)
	gate.open()
	w.sees("Developing: step 2 of 5")
	if last := gate.resumed(); last == "" {
		t.Error("the stream was not resumed with Last-Event-ID")
	}
	w.until("!document.body.innerText.includes('The server does not answer.')")
}

func TestAClipPlaysWhileItGrows(t *testing.T) {
	r := newRig(t)
	w := open(t, r.url+"/")
	w.fill("#f-prompt", "a long walk")
	w.click("summary", "Advanced")
	js[bool](w, "[...document.querySelectorAll('.switch-row')].find((e) => e.innerText.includes('Watch while it is made')).click() || true")
	w.click("button[type=submit]", "Make it")
	r.next <- step{chunks: 2}
	w.until("document.querySelector('.screen .live video')")
	w.until("document.querySelector('.screen .live video').currentTime > 0.3 || document.querySelector('.screen .live video').error")
	if text := js[string](w, "document.querySelector('.screen .live video').error?.message || ''"); text != "" {
		t.Fatal(text)
	}
	all, err := r.jobs.List(t.Context(), jobs.Filter{})
	if err != nil || all[0].State != jobs.Running || !all[0].Stream {
		t.Errorf("%v: the job is %s", err, all[0].State)
	}
	r.next <- step{finish: true}
	w.until("document.querySelector('.screen video.player')?.readyState >= 2")
}

func TestTheSameAgainIsThereAtOnce(t *testing.T) {
	r := newRig(t, instant)
	w := open(t, r.url+"/")
	w.fill("#f-prompt", "twice")
	w.fill("#f-seed", "5")
	w.click("button[type=submit]", "Make it")
	w.until("document.querySelector('.screen video')")
	w.click("button[type=submit]", "Make it")
	w.sees("You have made this one before")
	if n := len(r.calls.Calls()); n != 1 {
		t.Errorf("it was made %d times", n)
	}
}

func TestThePriorityOfWhatWaits(t *testing.T) {
	r := newRig(t)
	r.generate("the one that runs")
	first, last := r.generate("asked first"), r.generate("asked last")
	w := open(t, r.url+"/#/watch")
	w.until("document.querySelector('.run') && document.querySelectorAll('ol.rows .item').length === 2")
	w.until("document.querySelector('ol.rows .item').innerText.includes('asked first')")
	js[bool](w, "document.querySelector('ol.rows .item:nth-child(2) select').focus() || true")
	w.do(chromedp.KeyEvent("h")) // the keyboard alone: High
	w.until("document.querySelector('ol.rows .item').innerText.includes('asked last') && document.querySelector('ol.rows .item .place').innerText === '1'")
	w.sees("Its priority is now: High.")
	w.do(chromedp.Reload())
	w.until("document.querySelector('ol.rows .item select')?.value === 'high'")
	if j, err := r.jobs.Get(t.Context(), last); err != nil || j.Priority != jobs.High {
		t.Errorf("%v %v", j.Priority, err)
	}
	w.click("ol.rows .item-main", "asked first")
	w.until("document.querySelector('dialog select.priority')")
	js[bool](w, "(() => { const s = document.querySelector('dialog select.priority'); s.value = 'low'; s.dispatchEvent(new Event('change', {bubbles: true})); return true })()")
	w.sees("Its priority is now: Low.") // the server has said so
	if j, err := r.jobs.Get(t.Context(), first); err != nil || j.Priority != jobs.Low {
		t.Errorf("%v %v", j.Priority, err)
	}
}

// made counts the clips that were made: the texts' reader is asked as well.
func (r *rig) made() (n int) {
	for _, c := range r.calls.Calls() {
		if c.Event.RawPath != "/embed" {
			n++
		}
	}
	return n
}

func TestAClipOfASimilarPromptIsOfferedAndSaysSo(t *testing.T) {
	r := newRig(t, instant)
	w := open(t, r.url+"/")
	make := func(prompt string) {
		w.fill("#f-prompt", prompt)
		w.click("button[type=submit]", "Make it")
	}
	w.fill("#f-seed", "5")
	make("a silent red kite <b>high</b>")
	w.until("document.querySelector('.screen video')?.readyState >= 2")
	make("a red silent kite <b>high</b>") // the same letters
	w.sees("There is a clip of nearly the same words")
	w.sees("You asked for: a red silent kite <b>high</b>")
	if n := r.made(); n != 1 {
		t.Errorf("%d clips were made before anybody chose", n)
	}
	w.click("dialog .offers button", "Take this clip")
	w.until("!document.querySelector('dialog[open]')")
	w.until("document.querySelector('.from-cache')?.innerText.includes('this is the clip of “a silent red kite <b>high</b>”') && document.querySelector('.from-cache').innerText.includes('like “a red silent kite <b>high</b>”')")
	w.do(chromedp.Reload())
	w.until("document.querySelector('.from-cache')") // it is not forgotten
	if js[bool](w, "!!document.querySelector('.from-cache b')") {
		t.Error("a prompt became markup")
	}
	make("a red silent kite <b>high</b>")
	w.click("dialog footer button", "Make a new one")
	w.until("document.querySelector('.screen video')?.readyState >= 2 && !document.querySelector('.from-cache')")
	if n := r.made(); n != 2 {
		t.Errorf("%d clips were made", n)
	}
	make("a red silent kite <b>high</b>")
	w.until("document.querySelector('.from-cache')?.innerText.includes('the same request was made')")
	make("zzz zzz")
	w.until("document.querySelector('.caption .prompt').innerText === 'zzz zzz' && document.querySelector('.screen video')?.readyState >= 2")
	if n := r.made(); n != 3 {
		t.Errorf("%d clips were made", n)
	}
}

// TestLoRAsAreChosenByName: those that the folder holds, as they are called, and none where there are none.
func TestLoRAsAreChosenByName(t *testing.T) {
	names := []string{"<img src=x onerror=alert(1)>", "film-grain", "\u202egnp.evil"}
	r := newRig(t, instant, func(o *rigOptions) { o.loras = names })
	w := open(t, r.url+"/")
	w.click("[data-field=loras] button", "Add")
	w.until("document.querySelector('[data-field=loras] select')")
	if got := js[[]string](w, "[...document.querySelectorAll('[data-field=loras] option')].map((o) => o.value)"); fmt.Sprint(got) != fmt.Sprint(names) {
		t.Errorf("the choice is %q", got)
	}
	w.fill("#f-prompt", "drawn")
	w.click("button[type=submit]", "Make it")
	w.until("document.querySelector('.screen video')")
	if c := r.calls.Calls()[0]; !strings.Contains(c.Event.Body, `onerror=alert(1)`) {
		t.Errorf("asked for %s", c.Event.Body)
	}
	bare := newRig(t, instant, func(o *rigOptions) { o.loras = nil })
	w = open(t, bare.url+"/")
	w.sees("There are no LoRAs on this server yet")
	w.until("document.querySelector('[data-field=loras] button').disabled")
}
