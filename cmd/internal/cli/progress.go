package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// tracker shows a job's events: one bar for all of it on a terminal, a line per phase elsewhere.
type tracker interface {
	show(e client.Event)
	close()
}

func newTracker(w io.Writer, quiet bool) tracker {
	switch {
	case quiet:
		return silent{}
	case redraws(w):
		return newBar(w)
	}
	return &lines{w: w}
}

// redraws says whether w is a terminal that takes orders to write over what it shows.
func redraws(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}

type silent struct{}

func (silent) show(client.Event) {}
func (silent) close()            {}

// jobStatus is what any kind of event tells, each in the fields that it has.
type jobStatus struct {
	client.Progress
	State    string   `json:"state"`
	Status   string   `json:"status"`
	Reason   string   `json:"reason"`
	Position int      `json:"position"`
	ETA      *float64 `json:"eta_seconds"`
}

func statusOf(e client.Event) (s jobStatus) {
	_ = json.Unmarshal(e.Data, &s) // a form that is not known shows as its type alone
	return s
}

// text puts an event into words.
func text(e client.Event) string {
	s := statusOf(e)
	switch e.Type {
	case "queued":
		out := "waiting"
		if s.Position > 0 {
			out = fmt.Sprintf("waiting, position %d", s.Position)
		}
		if s.ETA != nil {
			out += fmt.Sprintf(", about %s", span(time.Duration(*s.ETA*float64(time.Second))))
		}
		if s.Reason != "" {
			out += " (" + s.Reason + ")"
		}
		return out
	case "running":
		return "starting"
	case "progress":
		return phaseText(s.Phase)
	case "preview", "chunk":
		return ""
	}
	return e.Type
}

// lines writes a line whenever the words change.
type lines struct {
	w    io.Writer
	last string
}

func (l *lines) show(e client.Event) {
	if t := text(e); t != "" && t != l.last {
		l.last = t
		fmt.Fprintln(l.w, t)
	}
}

func (l *lines) close() {}

// bar is one mpb bar for the whole job.
type bar struct {
	p     *mpb.Progress
	b     *mpb.Bar
	words atomic.Value // string; the bar's own goroutine reads it
	tail  atomic.Value // string: percentage and what is left
	all   overall
	since time.Time
}

// whole is the bar's total: tenths of a percent.
const whole = 1000

func newBar(w io.Writer) *bar {
	t := &bar{since: time.Now()}
	t.words.Store("submitting")
	t.tail.Store("")
	t.p = mpb.New(mpb.WithOutput(w), mpb.WithWidth(40), mpb.WithRefreshRate(100*time.Millisecond))
	t.b = t.p.New(0, mpb.BarStyle().Rbound("|").Lbound("|"),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return t.words.Load().(string) + " " })),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			return t.tail.Load().(string) + "  " + span(time.Since(t.since).Round(time.Second))
		})))
	t.b.SetTotal(whole+1, false) // one more: a bar at its total is complete for good
	return t
}

func (t *bar) show(e client.Event) {
	s := statusOf(e)
	if words := text(e); words != "" {
		if e.Type == "progress" {
			words += within(s.Progress)
		}
		t.words.Store(words)
	}
	switch e.Type {
	case "queued", "running":
		if t.all.done > 0 { // another attempt begins at the beginning
			t.all = overall{}
			t.tail.Store(overallText(&t.all, time.Now()))
			t.b.SetCurrent(0)
		}
	case "completed":
		t.tail.Store(" 100%")
		t.b.SetTotal(-1, true)
	case "progress":
		t.all.at(s.Progress, time.Now())
		t.tail.Store(overallText(&t.all, time.Now()))
		t.b.SetCurrent(int64(t.all.done * whole))
	}
}

// overallText is the percentage and, once it is known, what is left.
func overallText(o *overall, now time.Time) string {
	out := fmt.Sprintf(" %3.0f%%", 100*o.done)
	if left := o.left(now); left > 0 {
		out += ", about " + span(left.Round(time.Second)) + " left"
	}
	return out
}

func (t *bar) close() {
	t.b.Abort(false)
	t.p.Wait()
}
