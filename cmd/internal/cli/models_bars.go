package cli

import (
	"io"
	"math"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"
)

// bars shows progress on a terminal, and nothing elsewhere.
type bars struct {
	p    *mpb.Progress
	wide int // columns that a name may have
}

// oneBar follows one file. A nil bar inside shows nothing.
type oneBar struct{ b *mpb.Bar }

func newBars(w io.Writer) *bars {
	if !redraws(w) {
		return &bars{}
	}
	f := w.(*os.File) //nolint:forcetypeassert // a terminal is one
	return &bars{mpb.New(mpb.WithOutput(w), mpb.WithWidth(60)), min(40, columns(f)*2/5)}
}

// columns is how wide a terminal is.
func columns(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return 80
	}
	return int(size.Col)
}

// row adds the row of a total, below all others: what text says of it.
func (b *bars) row(name string, text func(now time.Time) string) *oneBar {
	if b.p == nil {
		return &oneBar{}
	}
	return &oneBar{b: b.p.New(1, mpb.NopStyle(), mpb.BarPriority(math.MaxInt), mpb.BarFillerTrim(),
		mpb.PrependDecorators(decor.Name(name+" "), decor.Any(func(decor.Statistics) string { return text(time.Now()) })))}
}

// one adds a bar that goes when it is full: one of many.
func (b *bars) one(name string, total int64) *oneBar {
	return b.add(name, total, mpb.BarRemoveOnComplete())
}

func (b *bars) add(name string, total int64, options ...mpb.BarOption) *oneBar {
	if b.p == nil {
		return &oneBar{}
	}
	if r := []rune(name); len(r) > b.wide {
		left := dots()
		name = left + string(r[len(r)-b.wide+len([]rune(left)):])
	}
	return &oneBar{b: b.p.AddBar(total, append(options, mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Counters(decor.SizeB1024(0), "% .1f / % .1f", decor.WCSyncSpace), decor.Percentage(decor.WCSyncSpace)))...)}
}

func (o *oneBar) set(done, total int64) {
	if o.b != nil {
		o.b.SetTotal(total, false)
		o.b.SetCurrent(done)
	}
}

// end completes the bar, or leaves it as far as it came.
func (o *oneBar) end(ok bool) {
	if o.b == nil {
		return
	}
	if ok {
		o.b.SetTotal(-1, true)
	} else {
		o.b.Abort(false)
	}
}

func (b *bars) wait() {
	if b.p != nil {
		b.p.Wait()
	}
}
