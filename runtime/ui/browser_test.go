package ui_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/videosdgx/videosdgx/internal/browsertest"
)

// browser is one Chromium for all tests; each has a profile of its own in it.
var browser struct {
	sync.Once
	ctx    context.Context
	cancel func()
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if browser.cancel != nil {
		browser.cancel()
	}
	os.Exit(code)
}

// tab is a window of a fresh profile. What the page says in its console, and what it throws, fails the test.
type tab struct {
	t    testing.TB
	ctx  context.Context
	mu   sync.Mutex
	bad  []string
	deaf string // complaints that the test provokes
}

func open(t testing.TB, url string, opts ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	browsertest.Wanted(t)
	browser.Do(func() {
		browser.ctx, browser.cancel, browser.err = browsertest.Start(context.Background(), chromedp.Flag("lang", "en-US"))
	})
	if browser.err != nil {
		t.Fatal(browser.err)
	}
	ctx, cancel := chromedp.NewContext(browser.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(stop)
	w := &tab{t: t, ctx: ctx}
	w.do(chromedp.EmulateViewport(1440, 900))
	said := chromedp.Console(ctx)
	go func() {
		for m, err := range said {
			if err != nil {
				return
			}
			w.hear(m)
		}
	}()
	w.do(opts...)
	w.do(chromedp.Navigate(url))
	w.until("document.documentElement.dataset.ready === 'true'")
	t.Cleanup(w.quiet)
	return w
}

func (w *tab) hear(m chromedp.ConsoleMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.IsException() || m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning {
		w.bad = append(w.bad, m.String())
	}
}

// quiet fails the test when the page complained.
func (w *tab) quiet() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range w.bad {
		if w.deaf != "" && strings.Contains(text, w.deaf) || strings.Contains(text, "net::ERR_NETWORK_CHANGED") { // other tests make network interfaces meanwhile
			continue
		}
		w.t.Errorf("the page says: %s", text)
	}
}

func (w *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	if err := chromedp.Do(w.ctx, actions...); err != nil {
		w.t.Fatalf("%v", err)
	}
}

// js evaluates an expression, which may be a promise.
func js[T any](w *tab, expression string) T {
	w.t.Helper()
	v, err := chromedp.Run(w.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		w.t.Fatalf("%v: %s", err, expression)
	}
	return v
}

// until waits for an expression to be true.
func (w *tab) until(expression string) {
	w.t.Helper()
	poll := chromedp.Poll[bool]("(() => { try { return !!("+expression+") } catch { return false } })()", chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(15*time.Second))
	_, err := chromedp.Run(w.ctx, poll)
	for try := 0; try < 5 && err != nil && !strings.Contains(err.Error(), "timeout"); try++ { // the page was just being left
		time.Sleep(100 * time.Millisecond)
		_, err = chromedp.Run(w.ctx, poll)
	}
	if err != nil {
		text, _ := chromedp.Run(w.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		w.t.Fatalf("%v: this did not come true: %s\nthe page shows:\n%s\nand said: %v", err, expression, text, w.bad)
	}
}

// sees waits for a text.
func (w *tab) sees(text string) {
	w.t.Helper()
	w.until(fmt.Sprintf("document.body.innerText.includes(%s)", quoted(text)))
}

// click presses what a selector finds and a text is in; "" is any.
func (w *tab) click(selector, text string) {
	w.t.Helper()
	find := fmt.Sprintf("[...document.querySelectorAll(%s)].find((e) => (e.innerText + ' ' + (e.ariaLabel || '')).includes(%s) && !e.disabled)", quoted(selector), quoted(text))
	press := "(() => { const e = " + find + "; e?.click(); return !!e })()"
	for w.until(find); !js[bool](w, press); w.until(find) { // it has gone again, or does not take a click for the moment
	}
}

// fill types into a field as a person does: the page hears of it.
func (w *tab) fill(selector, value string) {
	w.t.Helper()
	w.until("document.querySelector(" + quoted(selector) + ")")
	js[bool](w, "(() => { const e = document.querySelector("+quoted(selector)+"); e.focus(); e.select?.(); return true })()")
	w.do(chromedp.SendKeys(chromedp.CSS(selector), value))
}

func (w *tab) text(selector string) string {
	return strings.TrimSpace(js[string](w, "(document.querySelector("+quoted(selector)+")?.innerText || '')"))
}
