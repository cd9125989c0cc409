package ui_test

import (
	"context"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// point moves the mouse over what a selector finds; "" is the page's corner.
func (w *tab) point(selector string) {
	w.t.Helper()
	at := [2]float64{1, 1}
	if selector != "" {
		at = js[[2]float64](w, "(() => { const b = document.querySelector("+quoted(selector)+").getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] })()")
	}
	w.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		return cdp.Call(ctx, t, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: at[0], Y: at[1]})
	})
}

// TestClipsPlayWhileTheyArePointedAt: with the mouse or the keyboard, and not where no motion is wanted.
func TestClipsPlayWhileTheyArePointedAt(t *testing.T) {
	r := newRig(t, instant)
	id := r.generate("a red kite")
	for !r.state(id).Ended() {
		time.Sleep(10 * time.Millisecond)
	}
	w := open(t, r.url+"/#/gallery")
	const video = "document.querySelector('.tile video')"
	w.until(video + "?.readyState >= 2 && " + video + ".paused")
	w.point(".tile-open")
	w.until("!" + video + ".paused && " + video + ".currentTime > 0")
	w.point("")
	w.until(video + ".paused && " + video + ".currentTime === 0")
	js[bool](w, "document.querySelector('.tile-open').focus() || true")
	w.until("!" + video + ".paused && " + video + ".currentTime > 0")
	js[bool](w, "document.activeElement.blur() || true")
	w.until(video + ".paused")
	w.do(emulate("prefers-reduced-motion", "reduce"))
	w.point(".tile-open")
	w.until("document.querySelector('.tile:hover')")
	time.Sleep(300 * time.Millisecond) // in which it would begin
	if !js[bool](w, video+".paused") {
		t.Error("it plays although no motion is wanted")
	}
}

// TestTheEndOfAClipIsTold: to who has asked for it and looks elsewhere, once, of their own clips alone.
func TestTheEndOfAClipIsTold(t *testing.T) {
	r := newRig(t)
	w := open(t, r.url+"/")
	w.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		return cdp.Call(ctx, t, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{Permission: &cdpbrowser.PermissionDescriptor{Name: "notifications"}, Setting: cdpbrowser.PermissionSettingGranted, Origin: r.url, BrowserContextID: chromedp.FromContext(w.ctx).BrowserContextID})
	})
	// what is told goes to the system as well: here its words are kept
	js[bool](w, `(() => { window.told = []; const Real = Notification; window.Notification = class extends Real { constructor(title, o) { super(title, o); told.push([title, o.body, o.tag, this]); } }; return true })()`)
	w.click("button", "Settings")
	js[bool](w, "[...document.querySelectorAll('dialog .switch-row')].find((e) => e.innerText.includes('Tell me')).querySelector('input').click() || true")
	w.until("localStorage.getItem('notify') === 'true'")
	js[bool](w, "document.querySelector('dialog .icon-button').click() || true")
	js[bool](w, "told.splice(0) && true") // one that was tried
	ask := func(prompt string) string {
		t.Helper()
		w.fill("#f-prompt", prompt)
		w.click("button[type=submit]", "Make it")
		w.until("document.querySelector('.caption .prompt')?.innerText === " + quoted(prompt))
		w.until("document.querySelector('.screen .live')")
		return js[string](w, "JSON.parse(localStorage.getItem('mine')).at(-1)")
	}
	const mine = "a lantern <b>of mine</b>"
	id := ask(mine)
	other := r.generate("of somebody else")
	js[bool](w, "Object.defineProperty(document, 'hidden', {configurable: true, get: () => true}) && true")
	r.next <- step{finish: true}
	r.next <- step{finish: true}
	w.until("told.length > 0")
	for !r.state(other).Ended() {
		time.Sleep(10 * time.Millisecond)
	}
	w.until("document.querySelectorAll('.strip li').length === 2 && document.querySelectorAll('.strip video').length === 2")
	if got := js[[][]any](w, "told.map((x) => x.slice(0, 3))"); len(got) != 1 || got[0][0] != "Done" || got[0][1] != mine || got[0][2] != id {
		t.Errorf("it was told %v", got)
	}
	js[bool](w, "told[0][3].onclick() || true")
	w.until("location.hash === '#/make?job=" + id + "'")
	js[bool](w, "delete document.hidden && true") // who looks is not told
	id = ask("while somebody looks")
	r.next <- step{finish: true}
	w.until("document.querySelector('.screen video')")
	if n := js[int](w, "told.length"); n != 1 {
		t.Errorf("%d were told, the last of a clip that was watched", n)
	}
	if r.state(id) != jobs.Completed {
		t.Error(r.state(id))
	}
}

// TestARestartLosesNothing: of usage, of what waits and runs, of what the page shows.
func TestARestartLosesNothing(t *testing.T) {
	r := newRig(t, ended(t, 600))
	before := r.generate("made before")
	r.next <- step{finish: true}
	for !r.state(before).Ended() {
		time.Sleep(10 * time.Millisecond)
	}
	w := open(t, r.url+"/#/analytics")
	w.deaf = "net::ERR"
	w.click("[role=group] button", "Week")
	const first = "[...document.querySelectorAll('.figure strong')][0].innerText"
	w.until(first + " === '601'")
	running, waits := r.generate("runs through a restart"), r.generate("waits through a restart")
	r.next <- step{progress: spec.Progress{Phase: "denoise", Step: 2, Steps: 9}}
	w.do(chromedp.Navigate(r.url + "/#/watch"))
	w.sees("Painting: step 2 of 9")

	r.halt()
	w.sees("The server does not answer.")
	w.sees("runs through a restart") // what was known stays in sight
	r.boot()
	r.next <- step{progress: spec.Progress{Phase: "denoise", Step: 5, Steps: 9}}
	w.sees("Painting: step 5 of 9")
	w.until("!document.body.innerText.includes('The server does not answer.')")
	w.sees("waits through a restart")
	for range 2 {
		r.next <- step{finish: true}
	}
	w.until("[...document.querySelectorAll('ul.rows .chip')].filter((c) => c.innerText === 'Done').length === 30")
	for _, id := range []string{running, waits} {
		for !r.state(id).Ended() {
			time.Sleep(10 * time.Millisecond)
		}
		if r.state(id) != jobs.Completed {
			t.Errorf("%s is %s", id, r.state(id))
		}
	}
	w.do(chromedp.Navigate(r.url + "/#/analytics"))
	w.click("[role=group] button", "Week")
	w.until(first + " === '603'") // those of before the restart, and the two of after it
	r.halt()
	r.boot()
	w.do(chromedp.Reload())
	w.click("[role=group] button", "Week")
	w.until(first + " === '603'")
}

// TestEveryPageSaysThatTheServerIsGone, and has its own again when it is back.
func TestEveryPageSaysThatTheServerIsGone(t *testing.T) {
	r := newRig(t, ended(t, 5))
	w := open(t, r.url+"/")
	w.deaf = "net::ERR"
	for _, part := range pages { // their modules are there
		w.visit(r.url + "/#/" + part)
	}
	r.halt()
	w.sees("The server does not answer.")
	for _, part := range pages {
		w.do(chromedp.Navigate(r.url + "/#/" + part))
		w.until("document.querySelector('main')?.innerText.trim() || document.querySelector('main .loading')")
		w.sees("The server does not answer.")
	}
	w.do(chromedp.Navigate(r.url + "/#/gallery"))
	w.sees("Try again")
	r.boot()
	w.until("!document.body.innerText.includes('The server does not answer.')")
	// The page that hears of the server again asks by itself, and the button may be gone by now.
	js[bool](w, "[...document.querySelectorAll('button')].find((b) => b.innerText.includes('Try again'))?.click(), true")
	w.sees("clip number 4 of the archive")
	w.do(chromedp.Navigate(r.url + "/#/make"))
	w.until("document.querySelector('#f-prompt')")
}

// TestAGrowingClipOutlivesAReload: links.stream says that there is something to watch, and its address is told.
func TestAGrowingClipOutlivesAReload(t *testing.T) {
	r := newRig(t)
	id := r.generate("a long walk")
	r.next <- step{chunks: 2}
	w := open(t, r.url+"/#/make?job="+id)
	const video = "document.querySelector('.screen .live video')"
	plays := func() {
		t.Helper()
		w.until(video + "?.readyState >= 2")
		js[bool](w, video+".play().then(() => true, () => true)")
		w.until(video + ".currentTime > 0.3")
	}
	plays()
	w.do(chromedp.Reload())
	plays()
	r.next <- step{finish: true}
	w.until("document.querySelector('.screen video.player')?.readyState >= 2")
	w.do(chromedp.Navigate(r.url + "/#/gallery"))
	w.click(".tile-open", "a long walk")
	w.until("[...document.querySelectorAll('dialog a')].some((a) => a.innerText.endsWith('/stream.m3u8'))")
	list := js[string](w, "fetch([...document.querySelectorAll('dialog a')].find((a) => a.innerText.endsWith('/stream.m3u8')).href).then((r) => r.text())")
	if !strings.HasPrefix(list, "#EXTM3U") || !strings.Contains(list, "#EXT-X-ENDLIST") {
		t.Errorf("the address gives %s", list)
	}
}
