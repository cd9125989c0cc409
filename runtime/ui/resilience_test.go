package ui_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/videosdgx/videosdgx/runtime/auth"
)

// toll stands between the page and the server: it counts requests, holds them, and answers in the server's place.
type toll struct {
	mu     sync.Mutex
	counts map[string]int
	hold   map[string]chan struct{}
	answer map[string]answer
}

type answer struct {
	status int
	body   string
}

func newToll() *toll {
	return &toll{counts: map[string]int{}, hold: map[string]chan struct{}{}, answer: map[string]answer{}}
}

func (l *toll) option(o *rigOptions) {
	o.wrap = append(o.wrap, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			hold, given, some := l.pass(r.Method + " " + r.URL.RequestURI())
			if hold != nil {
				select {
				case <-hold:
				case <-r.Context().Done():
					return
				}
			}
			if !some {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(given.status)
			_, _ = w.Write([]byte(given.body)) // a page that has gone
		})
	})
}

func (l *toll) pass(ask string) (hold chan struct{}, given answer, some bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[ask]++
	for text, c := range l.hold {
		if strings.Contains(ask, text) {
			hold = c
		}
	}
	for text, a := range l.answer {
		if strings.Contains(ask, text) {
			given, some = a, true
		}
	}
	return hold, given, some
}

// seen counts the requests whose method and address have a text.
func (l *toll) seen(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ask, k := range l.counts {
		if strings.Contains(ask, text) {
			n += k
		}
	}
	return n
}

// stop holds requests with a text until what it gives is called.
func (l *toll) stop(text string) (release func()) {
	c := make(chan struct{})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hold[text] = c
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.hold, text)
		close(c)
	}
}

func (l *toll) say(text string, status int, body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = map[string]answer{text: {status, body}}
	if text == "" {
		l.answer = nil
	}
}

// await waits until the server has been asked.
func (l *toll) await(t *testing.T, text string, n int) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); l.seen(text) < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d requests of %q, not %d", l.seen(text), text, n)
		}
	}
}

// TestASecondClickIsNoSecondWish: neither a click nor the keys make a clip, a pair or a vote twice, and an arrow is a vote by itself alone.
func TestASecondClickIsNoSecondWish(t *testing.T) {
	l := newToll()
	r := newRig(t, instant, l.option)
	w := open(t, r.url+"/")
	release := l.stop("POST /v1/models/painter/generate")
	w.fill("#f-prompt", "once only")
	for range 3 {
		w.do(chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(kb.ModifierCtrl)))
	}
	js[bool](w, "(() => { const f = document.querySelector('form.composer'); f.requestSubmit(); f.requestSubmit(); return true })()")
	l.await(t, "/generate", 1)
	release()
	w.until("document.querySelector('.screen video')")
	w.until("!document.querySelector('form.composer button[type=submit]').disabled")
	if n := l.seen("/generate"); n != 1 {
		t.Errorf("%d clips were asked for", n)
	}
	js[bool](w, "document.querySelector('form.composer').requestSubmit() || true") // a later click is one
	l.await(t, "/generate", 2)

	post(t, r.url+"/v1/experiments", `{"name":"ab","arms":[{"model":"painter"},{"model":"sketcher"}]}`)
	w.visit(r.url + "/?ab#/experiments?name=ab")
	release = l.stop("POST /v1/experiments/ab/pairs")
	w.fill(".arena input", "a kite")
	js[bool](w, "(() => { const f = document.querySelector('.arena form'); f.requestSubmit(); f.requestSubmit(); return true })()")
	l.await(t, "POST /v1/experiments/ab/pairs", 1)
	release()
	w.until("document.querySelector('.choices')?.innerText.includes('No difference')")
	if n := l.seen("POST /v1/experiments/ab/pairs"); n != 1 {
		t.Errorf("%d pairs were asked for", n)
	}
	key := func(target, more string) {
		js[bool](w, target+".dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft', bubbles: true, cancelable: true"+more+"})) || true")
	}
	key("document.querySelector('.match video')", "")
	for _, more := range []string{", altKey: true", ", metaKey: true", ", repeat: true"} {
		key("document.body", more)
	}
	release = l.stop("/vote")
	key("document.body", "")
	key("document.body", "")
	l.await(t, "/vote", 1)
	release()
	w.until("document.querySelector('.match strong')")
	if n := l.seen("/vote"); n != 1 {
		t.Errorf("%d votes were sent", n)
	}
}

// TestALateAnswerIsNoNews: what was asked for last is what is shown.
func TestALateAnswerIsNoNews(t *testing.T) {
	l := newToll()
	r := newRig(t, ended(t, 50), l.option) // which ended more than a day ago
	w := open(t, r.url+"/#/analytics")
	release := l.stop("span=7d")
	w.click("[role=group] button", "Week")
	l.await(t, "span=7d", 1)
	w.click("[role=group] button", "Hour")
	w.sees("Nothing ended in this time")
	release()
	w.until("performance.getEntriesByType('resource').some((e) => e.name.includes('span=7d') && e.responseEnd)")
	time.Sleep(200 * time.Millisecond) // in which it would be shown
	if got := w.text("main"); !strings.Contains(got, "Nothing ended in this time") {
		t.Errorf("the hour shows %s", got)
	}
}

// TestAServerSlowerThanItIsAskedIsShown: an answer is news although the next question is on its way.
func TestAServerSlowerThanItIsAskedIsShown(t *testing.T) {
	r := newRig(t)
	w := open(t, r.url+"/")
	js[bool](w, "(() => { const real = fetch; window.held = []; window.fetch = (to, how) => (to === '/api/v1/machine' ? new Promise((done) => held.push(() => done(real(to, how)))) : real(to, how)); location.hash = '#/models'; return true })()")
	w.until("held.length >= 2") // it asks every two seconds
	js[bool](w, "held[0]() || true")
	w.until("document.querySelector('.fn')") // the others are held still
}

// TestABrokenAnswerIsTold in words, and the form can be sent again.
func TestABrokenAnswerIsTold(t *testing.T) {
	l := newToll()
	r := newRig(t, instant, l.option)
	w := open(t, r.url+"/")
	w.deaf = "status of"
	w.fill("#f-prompt", "an answer")
	for _, c := range []struct {
		answer
		want string
	}{
		{answer{500, `null`}, "with status 500"}, {answer{501, `[]`}, "with status 501"}, {answer{503, `{"detail":{}}`}, "with status 503"}, {answer{502, "<html>Bad Gateway</html>"}, "with status 502"},
		{answer{200, `{"id":"0194`}, "was cut off"}, {answer{422, `{"detail":"no such thing","errors":{"a":1}}`}, "no such thing"},
	} {
		l.say("/generate", c.status, c.body)
		w.click("form.composer button[type=submit]", "")
		w.until("[...document.querySelectorAll('.toast')].at(-1)?.innerText.includes(" + quoted(c.want) + ")")
		w.until("!document.querySelector('form.composer button[type=submit]').disabled")
	}
	l.say("/v1/uploads", 201, `{"reference":"upl`)
	w.drops("image", "await picture('cut.png')")
	w.until("[...document.querySelectorAll('.toast')].at(-1)?.innerText.includes('was cut off')")
	if got := w.text("[data-field=image] .drop-name + small"); got != "Drop or choose" {
		t.Errorf("the field has %q", got)
	}
}

// drops lets files, which are JavaScript's, fall onto a field's place.
func (w *tab) drops(field, files string) {
	w.t.Helper()
	w.until("document.querySelector('[data-field=" + field + "].drop')")
	js[bool](w, `(async () => {
		const picture = async (name) => { const c = document.createElement('canvas'); c.width = c.height = 16; c.getContext('2d').fillRect(0, 0, 16, 16); return new File([await new Promise((r) => c.toBlob(r, 'image/png'))], name, {type: 'image/png'}) };
		const d = new DataTransfer(); for (const f of [`+files+`]) d.items.add(f);
		document.querySelector('[data-field=`+field+`].drop').dispatchEvent(new DragEvent('drop', {dataTransfer: d, bubbles: true, cancelable: true})); return true })()`)
}

// TestOddFilesAreRefused: what is no picture, whatever it is called, and what falls beside its place does not take the page's.
func TestOddFilesAreRefused(t *testing.T) {
	r := newRig(t, instant)
	w := open(t, r.url+"/")
	w.until("document.querySelector('.toasts')")
	js[bool](w, "new MutationObserver((all) => all.forEach((m) => m.addedNodes.forEach((n) => told.push(n.innerText)))).observe(document.querySelector('.toasts'), {childList: true}) || true")
	for name, file := range map[string]string{
		"HEIC": "new File(['\\0\\0\\0\\x18ftypheic'], 'a.heic', {type: ''})", "a script": "new File(['<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"window.pwned=1\"/>'], 'a.png', {type: 'image/png'})",
		"nothing": "new File([], 'a.png', {type: 'image/png'})", "SVG": "new File(['<svg/>'], 'a.svg', {type: 'image/svg+xml'})",
	} {
		js[bool](w, "(window.told = []) && true")
		w.drops("image", file)
		w.until("told.some((x) => x.includes('This file is of another kind'))")
		if js[bool](w, "!!document.querySelector('.drop-picture') || !!window.pwned") {
			t.Errorf("%s is shown", name)
		}
	}
	w.drops("image", "await picture('first.png'), await picture('second.png')")
	w.sees("first.png")
	w.sees("One file goes here")
	if !js[bool](w, "(() => { const d = new DataTransfer(); d.items.add(new File(['x'], 'a.png', {type: 'image/png'})); return ['dragover', 'drop'].every((kind) => !document.querySelector('.stage').dispatchEvent(new DragEvent(kind, {dataTransfer: d, bubbles: true, cancelable: true}))) })()") {
		t.Error("a file that is dropped beside its place takes the page's")
	}
}

// TestABrowserThatKeepsNothing has the page all the same.
func TestABrowserThatKeepsNothing(t *testing.T) {
	r := newRig(t, instant)
	w := open(t, r.url+"/", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: "for (const n of ['localStorage', 'sessionStorage']) Object.defineProperty(window, n, {get() { throw new DOMException('denied', 'SecurityError') }})"})
		return chromedp.Void{}, err
	})
	w.fill("#f-prompt", "kept nowhere")
	w.click("form.composer button[type=submit]", "Make it")
	w.until("document.querySelector('.screen video')")
}

// TestALinkAsksForJobsAlone: what stands for a job's name in an address does not lead elsewhere on the server.
func TestALinkAsksForJobsAlone(t *testing.T) {
	l := newToll()
	r := newRig(t, instant, l.option)
	w := open(t, r.url+"/#/make?job=../../api/v1/instances")
	w.deaf = "status of"
	l.await(t, "GET /v1/jobs/..%2F..%2Fapi%2Fv1%2Finstances", 1)
	w.sees("Make it")
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.counts["GET /api/v1/instances"]; n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

// TestOneSessionForAllTabs: where one shows a key the others go on, with what it opens.
func TestOneSessionForAllTabs(t *testing.T) {
	var secret string
	r := newRig(t, func(o *rigOptions) { o.secret = &secret }, instant)
	w := open(t, r.url+"/")
	w.deaf = "status of 40"
	w.login(secret)
	w.until("!document.querySelector('dialog[open]') && document.body.innerText.includes('Connected')")
	ctx, cancel := chromedp.NewContext(w.ctx)
	defer cancel()
	other := &tab{t: t, ctx: ctx}
	other.do(chromedp.Navigate(r.url + "/#/models"))
	other.until("document.querySelector('.page-head button')?.innerText === 'Deploy'")
	w.click("button", "Settings")
	w.click("dialog button", "Log out")
	w.sees("This server asks for a key")
	other.sees("This server asks for a key")
	w.login(r.key("viewer", auth.Read|auth.ReadAll, 0))
	w.until("!document.querySelector('dialog[open]')")
	other.until("!document.querySelector('dialog[open]') && document.querySelector('.fn') && !document.querySelector('.page-head button')")
}
