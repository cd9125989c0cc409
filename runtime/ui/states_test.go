package ui_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestEveryStateIsAccessible: what is empty, on its way, failed and shut is held to axe as what is full; it has one heading of the first
// rank, and none is wider than a laptop's window at 400 %. Each page and each state is seen in both languages; VIDEOSDGX_ALL=1 has
// each of both in both.
func TestEveryStateIsAccessible(t *testing.T) {
	checker, l, secret := axe(t), newToll(), ""
	empty, held, shut := newRig(t), newRig(t, l.option), newRig(t, func(o *rigOptions) { o.secret = &secret })
	for _, name := range []string{"painter", "sketcher"} {
		if err := empty.catalog.Delete(t.Context(), name, ""); err != nil {
			t.Fatal(err)
		}
	}
	look := func(n int, r *rig, state, there string) {
		t.Helper()
		for k, language := range []string{"en", "pt-BR"} {
			w := open(t, r.url+"/")
			w.deaf = "status of"
			w.as(language, []string{"light", "dark"}[k])
			for i, part := range pages {
				if (i+k+n)%2 == 1 && os.Getenv("VIDEOSDGX_ALL") == "" {
					continue
				}
				w.do(chromedp.Navigate("about:blank"), chromedp.Navigate(fmt.Sprintf("%s/?%s%s#/%s", r.url, language, part, part))) // what is held lets go of its connections
				where := part + ", " + state + ", in " + language
				w.until("document.querySelector(" + quoted(there) + ") && document.querySelectorAll('main h1').length === 1")
				w.accessible(checker, where)
				w.do(chromedp.EmulateViewport(320, 225))
				if n := js[int](w, "document.documentElement.scrollWidth"); n > 320 {
					t.Errorf("%s is %d wide", where, n)
				}
				w.do(chromedp.EmulateViewport(1440, 900))
			}
		}
	}
	look(0, empty, "empty", ".empty")
	look(1, shut, "shut", "dialog[open] input[type=password]")
	l.say("/v1/", 503, `{"detail":"The disk is full."}`)
	look(0, held, "failed", ".failure, .banner")
	l.say("", 0, "")
	release := l.stop("/v1/")
	look(1, held, "on its way", ".loading, .stage, .tools, .figures")
	release()
}
