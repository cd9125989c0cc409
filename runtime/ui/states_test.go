package ui_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
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
		for k, language := range []string{"en", "pt-BR"} {
			for odd := range 2 { // a window for every second page: none is open for long
				if (odd+k+n)%2 == 1 && os.Getenv("VIDEOSDGX_ALL") == "" {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%d", state, language, odd), func(t *testing.T) {
					at := func(part string) string { return r.url + "/#/" + part }
					w := open(t, at(pages[odd]), speaks(r.url, language), media([]string{"light", "dark"}[k]))
					w.deaf = "status of"
					w.stands(checker, pages[odd], there)
					for i := odd + 2; i < len(pages); i += 2 {
						w.do(chromedp.Navigate("about:blank"), chromedp.Navigate(at(pages[i]))) // what is held lets go of its connections
						w.stands(checker, pages[i], there)
					}
				})
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

// speaks chooses the language of what is loaded from url.
func speaks(url, language string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, network.SetCookie, network.SetCookieParams{Name: "videosdgx_language", Value: language, URL: url})
		return chromedp.Void{}, err
	}
}

// stands holds a page to what is asked of each, once what a selector finds is there.
func (w *tab) stands(checker, part, there string) {
	w.t.Helper()
	w.until("document.querySelector(" + quoted(there) + ") && document.querySelectorAll('main h1').length === 1")
	w.accessible(checker, part)
	w.do(chromedp.EmulateViewport(320, 225))
	if n := js[int](w, "document.documentElement.scrollWidth"); n > 320 {
		w.t.Errorf("%s is %d wide", part, n)
	}
	w.do(chromedp.EmulateViewport(1440, 900))
}
