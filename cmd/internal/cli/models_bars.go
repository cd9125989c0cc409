package cli

import (
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bars shows progress on a terminal, and nothing elsewhere.
type bars struct{ p *mpb.Progress }

// oneBar follows one file. A nil bar inside shows nothing.
type oneBar struct{ b *mpb.Bar }

func newBars(w io.Writer) *bars {
	f, ok := w.(*os.File)
	if !ok {
		return &bars{}
	}
	if st, err := f.Stat(); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return &bars{}
	}
	return &bars{p: mpb.New(mpb.WithOutput(w), mpb.WithWidth(60))}
}

func (b *bars) add(name string, total int64) *oneBar {
	if b.p == nil {
		return &oneBar{}
	}
	const wide = 40
	if len(name) > wide {
		name = "…" + name[len(name)-wide+1:]
	}
	return &oneBar{b: b.p.AddBar(total, mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Counters(decor.SizeB1024(0), "% .1f / % .1f", decor.WCSyncSpace), decor.Percentage(decor.WCSyncSpace)))}
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
