package ui_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
)

func box(kind string, parts ...string) string {
	body := strings.Join(parts, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))) + kind + body
}

// commented is an MP4 without pictures that says something of itself.
func commented(text string) string {
	data := box("data", "\x00\x00\x00\x01\x00\x00\x00\x00", text)
	meta := box("meta", "\x00\x00\x00\x00", box("ilst", box("\xa9cmt", data), box("\xa9nam", data)))
	return box("ftyp", "isom\x00\x00\x02\x00isom") + box("moov", box("mvhd", strings.Repeat("\x00", 100)), box("udta", meta))
}

// oddFiles are what somebody may have put in a clip's place, and what of it must be shown.
func oddFiles() map[string][2]string {
	cut := commented("cut short")
	whole := commented("sizes lie")
	return map[string][2]string{
		"markup": {commented(hostile["markup"]), "<script>"}, "bidi": {commented(hostile["rtl"]), "evil"}, "long": {commented(strings.Repeat("Wide", 250_000)), "WideWide"},
		"bytes": {commented("a\xff\xfe\xc0\xaf\xed\xa0\x80z"), "z"}, "json": {commented(`{"prompt":"` + "\\u202e<img src=x onerror=window.pwned=1>" + `","__proto__":{"x":1}}`), "onerror"},
		"cut": {cut[:len(cut)-6], ""}, "empty": {"", ""}, "zeroes": {strings.Repeat("\x00", 4096), ""}, "text": {hostile["markup"], ""},
		"lies": {strings.Replace(whole, "udta", "udta\xff\xff\xff\xff", 1), ""}, "huge": {box("ftyp", "isom") + "\x00\x00\x00\x01moov\xff\xff\xff\xff\xff\xff\xff\xff", ""},
		"nested": {box("moov", strings.Repeat(box("trak", box("tkhd")), 2000)), ""}, "short mvhd": {box("moov", box("mvhd", "\x01")), ""}, "endless": {box("ftyp", "isom") + "\x00\x00\x00\x00moov", ""},
	}
}

// TestWhatAFileSaysStaysText: metadata with markup, marks that turn the text, a megabyte, no UTF-8, and boxes that lie are shown as text or not
// at all; the page goes on.
func TestWhatAFileSaysStaysText(t *testing.T) {
	files := oddFiles()
	var names []string
	r := newRig(t, func(o *rigOptions) {
		o.store = func(s *sqlite.Store) {
			now := time.Now().UTC().Truncate(time.Microsecond)
			for name, f := range files {
				names = append(names, name)
				id := fmt.Sprintf("0194f0a0-7b1e-7435-8000-%012x", len(names))
				j := jobs.Job{ID: id, Model: "painter", Function: "painter", Client: "test", State: jobs.Completed, Request: []byte(`{"prompt":` + quoted("file "+name) + `}`), Created: now, Ready: now, Started: now,
					Finished: now, Attempts: 1, MaxAttempts: 3, Deadline: now.Add(time.Hour), Result: &jobs.Result{File: id + ".1.mp4", Size: int64(len(f[0])), SHA256: strings.Repeat("0", 64), ContentType: "video/mp4"}}
				if err := os.WriteFile(filepath.Join(o.outputs, j.Result.File), []byte(f[0]), 0o600); err != nil {
					t.Error(err)
				}
				if err := s.Insert(t.Context(), []jobs.Fresh{{Job: j, Payload: []byte(`{}`)}}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
	w := open(t, r.url+"/")
	w.deaf = "status of"
	for _, name := range names {
		w.do(chromedp.EmulateViewport(1440, 1600))
		w.visit(r.url + "/?" + strings.ReplaceAll(name, " ", "") + "#/gallery")
		w.click(".tile-open", "file "+name)
		w.until("document.querySelector('dialog[open] .facts')")
		w.do(chromedp.EmulateViewport(320, 640))
		if want := files[name][1]; want != "" {
			w.until("document.querySelector('dialog[open] .facts pre.code')?.textContent.includes(" + quoted(want) + ")")
		} else {
			w.until("performance.getEntriesByType('resource').some((e) => e.name.includes('/download') && !e.name.includes('inline') && e.responseEnd)")
		}
		got := js[string](w, `String(window.pwned) + document.querySelectorAll('img[src=x], #app script, #app style').length + ' ' + Math.max(0, Math.round(document.querySelector('dialog[open]').getBoundingClientRect().right - innerWidth)) + ' ' + ({}).x`)
		if got != "undefined0 0 undefined" {
			t.Errorf("%s: %s", name, got)
		}
		w.click("dialog button", "Use these settings")
		w.until("document.querySelector('#f-prompt')?.value === " + quoted("file "+name))
	}
}

// TestTwoTabsVoteAtOnce: each person has one vote of a pair, the latest; who votes when all is decided is told so, and the alias moves once.
func TestTwoTabsVoteAtOnce(t *testing.T) {
	r := newRig(t, instant)
	post(t, r.url+"/v1/experiments", `{"name":"ab","arms":[{"model":"painter","version":"1"},{"model":"painter","version":"2"}],"criterion":{"votes":1,"confidence":0.5},"promote":{"function":"painter","alias":"live"}}`)
	post(t, r.url+"/v1/experiments/ab/pairs", `{"prompt":"a kite"}`)
	w := open(t, r.url+"/#/experiments?name=ab")
	w.deaf = "status of 409"
	ctx, cancel := chromedp.NewContext(w.ctx)
	defer cancel()
	other := &tab{t: t, ctx: ctx}
	other.do(chromedp.Navigate(r.url + "/#/experiments?name=ab"))
	for _, one := range []*tab{w, other} {
		one.until("document.querySelector('.choices')?.innerText.includes('Left is better')")
	}
	for _, one := range []*tab{w, other} { // neither waits for the other's answer
		js[bool](one, "document.querySelector('.choices button').click() || true")
	}
	for _, one := range []*tab{w, other} {
		one.until("!document.querySelector('.choices')?.innerText.includes('Left is better')")
	}
	e, err := r.trials.Get("ab")
	if err != nil || len(e.Pairs[0].Votes) != 1 || e.Winner == nil {
		t.Errorf("%+v, %v", e, err)
	}
}
