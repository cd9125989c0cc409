package ui_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// stop is what has the keyboard's focus.
type stop struct {
	Name, Unseen string // Unseen: why a reader does not see where the focus is
	Found, Start bool   // whether it is what is looked for, or where a page begins
	Inside       bool   // in the window over the page, or there is none
}

// stand says where the focus is; e in is stands for it.
func (w *tab) stand(is string) stop {
	w.t.Helper()
	return js[stop](w, `(() => {
		const e = document.activeElement, over = document.querySelector('dialog[open]');
		const name = e === document.body ? 'BODY' : e.tagName + ' ' + (e.ariaLabel || e.labels?.[0]?.innerText || e.innerText || e.id).trim().slice(0, 60);
		const out = {name, unseen: '', found: e !== document.body && !!(`+is+`), start: e.classList.contains('skip'), inside: !over || over.contains(e)};
		if (['BODY', 'MAIN', 'VIDEO'].includes(e.tagName)) return out; // the whole page, or the browser's own buttons
		const shown = getComputedStyle(e).opacity === '0' ? e.nextElementSibling : e; // a button that is drawn by what is beside it
		const s = getComputedStyle(shown), b = shown.getBoundingClientRect();
		if (s.outlineStyle === 'none' || !parseFloat(s.outlineWidth)) out.unseen = 'it has no outline';
		const x = (Math.max(0, b.left) + Math.min(innerWidth, b.right)) / 2, y = (Math.max(0, b.top) + Math.min(innerHeight, b.bottom)) / 2;
		if (b.width < 1 || b.height < 1 || b.right <= 0 || b.left >= innerWidth || b.bottom <= 0 || b.top >= innerHeight) out.unseen = 'it is at ' + [b.left, b.top, b.right, b.bottom].map(Math.round);
		else { const top = document.elementFromPoint(x, y); if (top && !top.closest('.toast') && !shown.contains(top) && !top.contains(shown)) out.unseen = top.tagName + '.' + top.className + ' covers it'; }
		return out })()`)
}

// press presses keys, one after the other.
func (w *tab) press(keys ...string) {
	w.t.Helper()
	for _, k := range keys {
		w.do(chromedp.KeyEvent(k))
	}
}

// reach presses Tab until e has the focus. On the way the focus is always seen, and never outside a window that is open.
func (w *tab) reach(is string) {
	w.t.Helper()
	w.until("[...document.querySelectorAll('a,button,input,select,textarea,summary,[tabindex]')].some((e) => " + is + ")")
	var way []string
	for range 160 {
		w.press(kb.Tab)
		s := w.stand(is)
		if way = append(way, s.Name); s.Unseen != "" {
			w.t.Errorf("the focus on %q is not seen: %s", s.Name, s.Unseen)
		}
		if !s.Inside && s.Name != "BODY" {
			w.t.Errorf("the focus leaves the window, for %q", s.Name)
		}
		if s.Found {
			return
		}
	}
	w.t.Fatalf("Tab does not come to %s: %v", is, way)
}

// held fails where nothing has the focus.
func (w *tab) held(after string) {
	w.t.Helper()
	if js[bool](w, "(async () => { for (let i = 0; i < 60 && document.activeElement === document.body; i++) await new Promise((r) => { setTimeout(r, 50); }); return document.activeElement === document.body })()") {
		w.t.Errorf("after %s nothing has the focus", after)
	}
}

const (
	says = "(e.innerText + ' ' + (e.ariaLabel || '')).includes(%s)"
	link = "e.tagName === 'A' && e.hash === '#/%s'"
)

func saying(text string) string { return fmt.Sprintf(says, quoted(text)) }

// walk goes to a part of the page by its link.
func (w *tab) walk(part string) {
	w.t.Helper()
	w.reach(fmt.Sprintf(link, part))
	w.press(kb.Enter)
	w.until("document.activeElement.id === 'main' && document.querySelector('a[aria-current]').hash === '#/" + part + "'")
	w.settle()
}

// TestEverythingIsDoneByKeys: a clip is made, cancelled, found, marked, compared and voted on, a function deployed and usage taken
// away with Tab, Enter, Space, arrows and Escape alone.
func TestEverythingIsDoneByKeys(t *testing.T) {
	r := newRig(t)
	for _, p := range []string{"a red kite", "a green boat", "a blue door"} {
		r.next <- step{finish: true}
		for id := r.generate(p); !r.state(id).Ended(); {
			time.Sleep(10 * time.Millisecond)
		}
	}
	w := open(t, r.url+"/")
	w.until("document.querySelector('#f-prompt')")
	w.reach("e.id === 'f-prompt'")
	w.press("made by keys alone")
	w.reach("e.type === 'submit'")
	w.press(kb.Enter)
	w.until("document.querySelector('.caption .prompt')?.innerText === 'made by keys alone' && document.querySelector('.screen .live')")
	w.held("a clip was asked for")
	r.next <- step{progress: spec.Progress{Phase: "denoise", Step: 1, Steps: 9}}
	w.sees("step 1 of 9")
	w.reach("e.innerText === 'Cancel' && e.closest('.actions')")
	w.press(" ")
	w.until("document.querySelector('.screen .trouble')")
	w.held("a clip was cancelled")

	w.walk("gallery")
	w.until("document.querySelectorAll('.tile').length === 3")
	w.reach("e.className === 'tile-open'")
	w.press(kb.ArrowRight)
	w.until("document.activeElement.ariaLabel === 'a green boat'")
	w.press(kb.Enter)
	w.until("document.querySelector('dialog[open] .facts')")
	w.reach(saying("Add to favourites"))
	w.press(" ")
	w.until("document.activeElement.ariaPressed === 'true'")
	for range 30 { // round and round: in the window, or at the browser's own
		w.press(kb.Tab)
		if s := w.stand("true"); !s.Inside && s.Name != "BODY" {
			t.Fatalf("Tab leads out of the window, to %s", s.Name)
		}
	}
	w.press(kb.Escape)
	w.until("!document.querySelector('dialog[open]')")
	w.until("document.activeElement.className === 'tile-open' && document.activeElement.ariaLabel === 'a green boat'")
	w.reach("e.type === 'checkbox' && e.ariaLabel.includes('a green boat')")
	w.press(" ")
	w.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(kb.ModifierShift)))
	w.press(kb.ArrowRight)
	w.until("document.activeElement.ariaLabel === 'a red kite'")
	w.reach("e.type === 'checkbox' && e.ariaLabel.includes('a red kite')")
	w.press(" ")
	w.reach(saying("Side by side"))
	w.press(kb.Enter)
	w.until("document.querySelectorAll('dialog[open] .compare-grid video').length === 2")
	w.press(kb.Escape)
	w.until("!document.querySelector('dialog[open]') && document.activeElement.innerText === 'Side by side'")

	post(t, r.url+"/v1/experiments", `{"name":"kites","arms":[{"model":"painter"},{"model":"sketcher"}]}`)
	w.walk("experiments")
	w.reach(saying("Compare and vote") + " && e.closest('.card')")
	w.press(kb.Enter)
	w.reach("e.closest('.arena form') && e.type === 'text'")
	w.press("a kite in the wind", kb.Enter)
	r.next <- step{finish: true}
	r.next <- step{finish: true}
	w.reach(saying("Left is better"))
	w.press(kb.Enter)
	w.until("document.querySelector('.match strong')")
	w.held("a vote")
	w.reach(saying("Next pair"))
	w.press(kb.Enter)
	w.held("the next pair was asked for")

	w.walk("models")
	w.reach(saying("Deploy"))
	w.press(kb.Enter)
	w.until("document.querySelector('dialog[open] form')")
	w.reach("e.labels?.[0]?.innerText.startsWith('Name')")
	w.press("by-keys")
	w.reach("e.labels?.[0]?.innerText.startsWith('Image')")
	w.press("oci:by-keys", kb.Enter)
	w.until("!document.querySelector('dialog[open]') && document.activeElement.innerText === 'Deploy'")
	w.until("[...document.querySelectorAll('.fn h2')].some((e) => e.innerText === 'by-keys')")
	w.reach(saying("Delete") + " && " + saying("by-keys"))
	w.press(kb.Enter)
	w.until("document.querySelector('dialog[open] .danger')")
	w.reach("e.className === 'danger'")
	w.press(kb.Enter)
	w.until("![...document.querySelectorAll('.fn h2')].some((e) => e.innerText === 'by-keys')")
	w.held("a function was deleted")

	js[bool](w, "(() => { window.taken = []; const make = URL.createObjectURL; URL.createObjectURL = (b) => { taken.push(b.type.split(';')[0]); return make(b) }; return true })()")
	w.walk("analytics")
	for _, kind := range []string{"CSV", "JSON"} {
		w.reach("e.innerText === '" + kind + "'")
		w.press(kb.Enter)
	}
	w.until("taken.join() === 'text/csv,application/json'")
	w.held("usage was taken away")
}

// TestTabGoesRoundEveryPage: all stops are seen, in a window as wide as a laptop's and a phone's, and the way ends where it began.
func TestTabGoesRoundEveryPage(t *testing.T) {
	r := newRig(t, ended(t, 60))
	r.compare()
	furnish(r)
	w := open(t, r.url+"/")
	for _, size := range [][2]int64{{1280, 720}, {360, 640}, {320, 225}} {
		w.do(chromedp.EmulateViewport(size[0], size[1]))
		for _, part := range pages {
			w.visit(fmt.Sprintf("%s/?%d%s#/%s", r.url, size[0], part, part))
			var way []string
			begun, ended := 0, false
			for range 250 {
				w.press(kb.Tab)
				s := w.stand("true")
				if s.Start {
					begun++
				}
				if ended = begun == 2; ended {
					break
				}
				if way = append(way, s.Name); s.Unseen != "" {
					t.Errorf("%s, %d wide: the focus on %q is not seen: %s", part, size[0], s.Name, s.Unseen)
				}
			}
			if !ended || len(way) < 10 {
				t.Errorf("%s: Tab does not come round: %s", part, strings.Join(way, ", "))
			}
		}
	}
}
