package ui_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// contrast gives WCAG's ratio of two computed colours, for a page's script.
const contrast = `const contrast = (a, b) => { const l = (c) => c.match(/\d+/g).slice(0, 3).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
	const [x, y] = [l(a), l(b)].sort(); return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05) };`

// TestASwitchShowsHowItStands: its track is seen on what it lies on, 3:1 as WCAG 1.4.11 wants, and is of another colour when it is on.
func TestASwitchShowsHowItStands(t *testing.T) {
	r := newRig(t)
	for _, theme := range []string{"light", "dark"} {
		w := open(t, r.url+"/", media(theme))
		w.click("summary", "Advanced")
		w.click("button", "Settings")
		w.until("document.querySelectorAll('.composer .switch').length >= 3 && document.querySelector('dialog .switch')")
		for _, place := range []string{".composer", "dialog"} {
			got := js[[]float64](w, `(async () => { `+contrast+`
				const e = document.querySelector('`+place+` .switch'), was = e.checked, seen = [];
				const under = getComputedStyle(e.closest('form.composer') || e.closest('dialog')).backgroundColor;
				e.style.transition = 'none';
				for (const on of [false, true]) { e.checked = on; seen.push(getComputedStyle(e).backgroundColor); }
				e.checked = was;
				return [contrast(seen[0], under), contrast(seen[1], under), seen[0] === seen[1] ? 0 : 1] })()`)
			if got[0] < 3 || got[1] < 3 || got[2] == 0 {
				t.Errorf("%s, %s: off %.2f, on %.2f, differ %v", place, theme, got[0], got[1], got[2])
			}
		}
	}
}

// TestTheEstimateKnowsWhatWaits: a request starts when what waits has ended, as the server expects that, however long it takes itself.
func TestTheEstimateKnowsWhatWaits(t *testing.T) {
	const board = `{"jobs":[{"id":"a","model":"painter","status":"running","request":{"prompt":"a"},"eta_seconds":800},{"id":"b","model":"sketcher","status":"queued","position":1,"request":{"prompt":"b"},"eta_seconds":1000},
		{"id":"c","model":"painter","status":"queued","position":2,"request":{"prompt":"c"},"eta_seconds":1530}],"gone":[],"whole":true,"queue":{"queued":2,"running":1}}`
	r := newRig(t, ended(t, 40), func(o *rigOptions) {
		o.wrap = append(o.wrap, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v1/events" {
					next.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Content-Type", "text/event-stream")
				fmt.Fprintf(w, "id: 1\nevent: jobs\ndata: %s\n\n", strings.Join(strings.Fields(board), " "))
				_ = http.NewResponseController(w).Flush() // a page that has gone
				<-r.Context().Done()
			})
		})
	})
	r.fleet.set(spec.InstanceStatus{ID: "painter-1", Function: "painter", State: spec.Busy})
	w := open(t, r.url+"/")
	w.until("/≈ \\d+s/.test(document.querySelectorAll('.cost dd')[1].innerText)") // half a minute for this one
	w.until("/^≈ 2[0-5]m/.test(document.querySelector('.cost dd').innerText)")
}

// TestWhatRunsIsNotSaidToBeAtZero: the list of models is asked for anew when a clip begins, by a page whose clock stands still.
func TestWhatRunsIsNotSaidToBeAtZero(t *testing.T) {
	r := newRig(t)
	w := open(t, r.url+"/", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: "window.setInterval = () => 0"})
		return chromedp.Void{}, err
	})
	w.until("document.querySelector('.model-pick')?.innerText.includes('at zero')")
	r.fleet.set(spec.InstanceStatus{ID: "painter-1", Function: "painter", State: spec.Busy})
	r.generate("a red kite")
	w.until("document.querySelector('.model-pick').innerText.includes('loaded')")
}

// TestTheSameIsNotToldTwice: what goes wrong again takes the place of what was said of it.
func TestTheSameIsNotToldTwice(t *testing.T) {
	r := newRig(t)
	w := open(t, r.url+"/")
	w.until("document.querySelector('[data-field=image]')")
	for range 3 {
		js[bool](w, `(() => { const d = new DataTransfer(); d.items.add(new File(['words'], 'a.txt', {type: 'text/plain'})); return !document.querySelector('[data-field=image]').dispatchEvent(new DragEvent('drop', {dataTransfer: d, bubbles: true, cancelable: true})) })()`)
		w.sees("This file is of another kind")
	}
	if n := js[int](w, "document.querySelectorAll('.toast').length"); n != 1 {
		t.Errorf("it is told %d times", n)
	}
}
