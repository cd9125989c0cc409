package ui_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// settle waits until a part of the page has what it shows.
func (w *tab) settle() {
	w.t.Helper()
	w.until("document.querySelector('main') && !document.querySelector('.loading') && document.fonts.status === 'loaded'")
	time.Sleep(250 * time.Millisecond)                                                                                               // what is drawn after it was measured
	w.until("document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getComputedTiming().endTime === Infinity)") // and faded in
}

// as chooses the language and the theme of what is loaded next.
func (w *tab) as(language, theme string) {
	w.t.Helper()
	js[bool](w, fmt.Sprintf("(document.cookie = 'videosdgx_language=' + %s + '; path=/') && !localStorage.setItem('theme', JSON.stringify(%s))", quoted(language), quoted(theme)))
}

func (w *tab) visit(url string) {
	w.t.Helper()
	w.do(chromedp.Navigate(url))
	w.settle()
}

// axe is the accessibility checker that make setup-test installs from npm.
func axe(t *testing.T) string {
	t.Helper()
	for _, path := range []string{os.Getenv("VIDEOSDGX_AXE"), "/opt/videosdgx/axe/node_modules/axe-core/axe.min.js"} {
		if b, err := os.ReadFile(path); path != "" && err == nil {
			return string(b)
		}
	}
	t.Fatal("axe-core is not installed: make setup-test does it, or name axe.min.js in VIDEOSDGX_AXE")
	return ""
}

type violation struct {
	ID    string
	Help  string
	Nodes []struct {
		HTML           string
		FailureSummary string
	}
}

func (w *tab) accessible(checker, where string) {
	w.t.Helper()
	js[bool](w, "typeof axe === 'object' || (() => {"+checker+"; return true })()")
	for _, v := range js[[]violation](w, "axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.map((v) => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map((n) => ({html: n.html.slice(0, 300), failureSummary: n.failureSummary}))})))") {
		for _, n := range v.Nodes {
			w.t.Errorf("%s: %s (%s): %s\n%s", where, v.ID, v.Help, n.HTML, n.FailureSummary)
		}
	}
}

// TestEveryPageIsAccessible: axe finds nothing, in both languages and both themes, also in the windows over a page.
func TestEveryPageIsAccessible(t *testing.T) {
	r := newRig(t, ended(t, 40))
	furnish(r)
	w := open(t, r.url+"/")
	checker := axe(t)
	for i, language := range []string{"en", "pt-BR"} {
		theme := []string{"light", "dark"}[i]
		for _, part := range pages {
			w.as(language, theme)
			w.visit(r.url + "/?" + language + "#/" + part)
			if part == "analytics" {
				w.click("[role=group] button:nth-of-type(3)", "")
				w.settle()
			}
			w.accessible(checker, part+" in "+language+", "+theme)
			if got := js[string](w, "document.documentElement.lang + ' ' + document.documentElement.dataset.theme"); got != language+" "+theme {
				t.Errorf("the page is in %s", got)
			}
		}
		w.visit(r.url + "/?other" + language + "#/gallery")
		w.click(".tile-open", "")
		w.settle()
		w.accessible(checker, "a clip's window in "+language)
		w.do(chromedp.KeyEvent(kb.Escape))
		w.click(".nav-button", "")
		w.accessible(checker, "the settings in "+language)
	}
	// the other two combinations, for their colours
	for language, theme := range map[string]string{"en": "dark", "pt-BR": "light"} {
		w.as(language, theme)
		for _, part := range pages {
			w.visit(r.url + "/?" + theme + "#/" + part)
			w.accessible(checker, part+" in "+language+", "+theme)
		}
	}
}

// TestTheKeyboardAloneWillDo makes a clip without a pointer.
func TestTheKeyboardAloneWillDo(t *testing.T) {
	r := newRig(t, instant)
	w := open(t, r.url+"/")
	w.until("document.querySelector('#f-prompt')")
	seen := []string{}
	for range 40 {
		w.do(chromedp.KeyEvent(kb.Tab))
		at := js[string](w, "(() => { const e = document.activeElement, s = getComputedStyle(e); return [e.id || e.className || e.tagName, s.outlineStyle, Math.round(e.getBoundingClientRect().width)].join(' ') })()")
		seen = append(seen, at)
		if !strings.Contains(at, "none") && strings.HasPrefix(at, "f-prompt") {
			break
		}
	}
	if last := seen[len(seen)-1]; !strings.HasPrefix(last, "f-prompt") || strings.Contains(last, "none") {
		t.Fatalf("Tab does not reach the prompt, or its focus is not seen: %v", seen)
	}
	if !strings.HasPrefix(seen[0], "skip") {
		t.Errorf("the first stop is %s, not the way past the navigation", seen[0])
	}
	w.do(chromedp.KeyEvent("typed by hand"), chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(kb.ModifierCtrl)))
	w.until("document.querySelector('.screen video')")
	if got := r.calls.Calls(); len(got) != 1 || got[0].Request.Prompt != "typed by hand" {
		t.Errorf("%d calls", len(got))
	}
}

// TestNothingIsCutOff: at 400 % of a laptop's window, on a phone and on a wide screen no page is wider than its window.
func TestNothingIsCutOff(t *testing.T) {
	r := newRig(t, ended(t, 40))
	furnish(r)
	w := open(t, r.url+"/")
	for _, size := range [][2]int64{{320, 225}, {360, 740}, {768, 1024}, {1280, 720}, {2560, 1440}} {
		w.do(chromedp.EmulateViewport(size[0], size[1]))
		for _, part := range pages {
			w.visit(r.url + "/#/" + part)
			got := js[struct {
				Wide, Room int
				Who        string
			}](w, `(() => {
				const room = document.documentElement.clientWidth;
				const out = [...document.querySelectorAll('body *')].find((e) => { const b = e.getBoundingClientRect(); return b.width && b.right > room + 1 && !e.closest('.strip, .scroll, .sr, .skip, pre, .aurora, .chart, .visually') && getComputedStyle(e).position !== 'absolute' });
				return {wide: document.documentElement.scrollWidth, room, who: out ? out.tagName + '.' + out.className : ''} })()`)
			if got.Wide > got.Room {
				t.Errorf("%s at %d × %d is %d wide; %s sticks out", part, size[0], size[1], got.Wide, got.Who)
			}
		}
	}
}

// emulate sets what the reader's system prefers.
func emulate(name, value string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		return cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: name, Value: value}}})
	}
}

func TestNothingMovesWhereThatIsAsked(t *testing.T) {
	r := newRig(t)
	w := open(t, r.url+"/", emulate("prefers-reduced-motion", "reduce"))
	r.generate("a still picture")
	r.next <- step{progress: spec.Progress{Phase: "denoise", Step: 1, Steps: 2}}
	w.sees("Painting")
	if n := js[int](w, "document.getAnimations().length"); n != 0 {
		t.Errorf("%d things move", n)
	}
	r.next <- step{finish: true}
	w.until("document.querySelector('.screen video')?.readyState >= 2")
	time.Sleep(300 * time.Millisecond)
	if !js[bool](w, "document.querySelector('.screen video').paused") {
		t.Error("the clip plays by itself")
	}
}

// TestNoPromptBecomesMarkup puts markup wherever a text of somebody else comes from.
func TestNoPromptBecomesMarkup(t *testing.T) {
	const evil = `"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script><svg onload="window.pwned=1"><a href="javascript:window.pwned=1">x</a> ${alert(1)} {{7*7}} </textarea></style>`
	r := newRig(t)
	if _, err := r.catalog.Put(t.Context(), spec.Function{Name: "evil", Image: "oci:" + evil, Description: evil}); err != nil {
		t.Fatal(err)
	}
	id := r.generate(evil + " failed")
	r.next <- step{fail: evil}
	for !r.state(id).Ended() {
		time.Sleep(10 * time.Millisecond)
	}
	id = r.generate(evil + " done")
	r.next <- step{finish: true}
	for !r.state(id).Ended() {
		time.Sleep(10 * time.Millisecond)
	}
	r.generate(evil + " running")
	r.next <- step{progress: spec.Progress{Phase: evil, Step: 1, Steps: 2, Message: evil}}
	w := open(t, r.url+"/")
	clean := func(where string) {
		t.Helper()
		if got := js[string](w, `String(window.pwned) + document.querySelectorAll('img[src=x], svg[onload], a[href^=javascript], #app script, #app style').length`); got != "undefined0" {
			t.Errorf("%s: %s", where, got)
		}
	}
	for _, part := range pages {
		w.visit(r.url + "/#/" + part)
		if part != "analytics" && part != "experiments" {
			w.sees("onerror")
		}
		clean(part)
	}
	w.visit(r.url + "/#/gallery")
	w.click(".tile-open", "done")
	w.sees("SHA-256")
	clean("a clip's window")
	w.visit(r.url + "/#/make?job=" + id)
	w.fill("#f-prompt", evil)
	w.click("button", "The same request elsewhere")
	w.sees("onerror")
	clean("the code")
	w.visit(r.url + "/#/models")
	w.click("button", "Logs")
	w.sees("<b>")
	clean("the logs")
}

// TestTheFirstLoadIsQuick looks at a fresh profile on loopback with the CPU slowed four times. What is held to a second is
// the processor time that the page takes until its form is there: unlike the clock, which is told too, it does not depend on
// what else the machine does. On a machine that does nothing else VIDEOSDGX_QUIET=1 holds the clock to a second as well.
func TestTheFirstLoadIsQuick(t *testing.T) {
	r := newRig(t, instant)
	least, size, quickest := math.Inf(1), 0.0, math.Inf(1)
	quiet := os.Getenv("VIDEOSDGX_QUIET") != ""
	for try := 0; try < 3 && (quiet || !(least <= 1)); try++ { // a machine that is busy with other work takes more time of its processors too
		m := firstLoad(t, r)
		t.Logf("the form is there after %.0f ms by the clock (the page's text after %.0f, its modules after %.0f, texts %.0f, models %.0f, first paint %.0f), with %.0f ms of processor time (scripts %.0f, styles %.0f, layout %.0f); %.0f files with %.0f bytes were fetched",
			m["form"], m["html"], m["modules"], m["texts"], m["models"], m["paint"], 1000*m["TaskDuration"], 1000*m["ScriptDuration"], 1000*m["RecalcStyleDuration"], 1000*m["LayoutDuration"], m["files"], m["bytes"])
		least, size, quickest = min(least, m["TaskDuration"]), m["bytes"], min(quickest, m["form"])
	}
	if quiet && quickest > 1000 {
		t.Errorf("the first load takes %.0f ms by the clock", quickest)
	}
	if least <= 0 || least > 1 {
		t.Errorf("the first load takes %.0f ms of processor time", least*1000)
	}
	if size > 150<<10 || size < 10<<10 {
		t.Errorf("%.0f bytes were fetched", size)
	}
}

// firstLoad opens the page in a fresh profile: what Chromium measures in seconds, and form, html, modules and paint in milliseconds after
// the beginning, besides how many files and bytes of the page were fetched.
func firstLoad(t *testing.T, r *rig) map[string]float64 {
	w := open(t, r.url+"/", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		if _, err := cdp.Call(ctx, t, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks}); err != nil {
			return chromedp.Void{}, err
		}
		return cdp.Call(ctx, t, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 4})
	})
	w.until("performance.getEntriesByName('form').length")
	all := js[map[string]float64](w, `(() => {
		const page = performance.getEntriesByType('navigation')[0], files = performance.getEntriesByType('resource').filter((e) => e.name.includes('/ui/'));
		return {form: performance.getEntriesByName('form')[0].startTime, html: page.responseEnd, modules: Math.max(...files.filter((e) => e.name.endsWith('.js')).map((e) => e.responseEnd)),
			texts: files.find((e) => e.name.includes('/lang/')).responseEnd, models: performance.getEntriesByType('resource').find((e) => e.name.endsWith('/v1/models')).responseEnd, drawn: performance.getEntriesByName('drawn')[0]?.startTime || 0,
			paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime || 0, files: files.length + 1, bytes: page.transferSize + files.reduce((n, e) => n + e.transferSize, 0)} })()`)
	m, err := chromedp.Run(w.ctx, func(ctx context.Context, t *chromedp.Target) (performance.GetMetricsResult, error) {
		return cdp.Call(ctx, t, performance.GetMetrics, cdp.Empty{})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range m.Metrics {
		all[one.Name] = one.Value
	}
	return all
}
