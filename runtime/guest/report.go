package guest

import (
	"math"
	"strconv"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// report is what an invocation has taken, as AWS Lambda puts it at its end into a log.
type report struct {
	id     string
	ran    time.Duration // from the event's handing over to the end of the answer
	memory int           // MB that the instance may use
	used   int64         // bytes, the most that it has used; 0: not known
	init   time.Duration // of the instance, in its first report; 0: not in this one
	class  string        // of the failure, see wire; "": the function has answered
}

// line appends all that r says, in one line.
func (r report) line(b []byte) []byte {
	ms := float64(r.ran.Microseconds()) / 1e3
	b = append(append(append(b, "REPORT RequestId: "...), r.id...), "\tDuration: "...)
	b = append(strconv.AppendFloat(b, ms, 'f', 2, 64), " ms\tBilled Duration: "...)
	b = append(strconv.AppendFloat(b, math.Ceil(ms), 'f', 0, 64), " ms\tMemory Size: "...)
	b = append(strconv.AppendInt(b, int64(r.memory), 10), " MB\t"...)
	if r.used > 0 {
		b = append(strconv.AppendInt(append(b, "Max Memory Used: "...), (r.used+1<<20-1)>>20, 10), " MB\t"...)
	}
	if r.init > 0 {
		b = append(strconv.AppendFloat(append(b, "Init Duration: "...), float64(r.init.Microseconds())/1e3, 'f', 2, 64), " ms\t"...)
	}
	switch r.class {
	case "":
	case wire.ClassTimeout:
		b = append(b, "Status: timeout\t"...)
	case wire.ClassCancelled:
		b = append(b, "Status: cancelled\t"...)
	default:
		b = append(b, "Status: error\tError Type: Runtime.ExitError\t"...)
	}
	return append(b, '\n')
}

// conclude reports an exchange that is over: at once when it failed or others go on beside it, else when the function asks
// for its next event, since a runtime may have something to log after its answer.
func (g *guest) conclude(x *exchange, class string) {
	if x.began.IsZero() {
		return // the function never got it
	}
	r := report{id: x.head.ID, ran: time.Since(x.began), class: class}
	if class != "" || g.cfg.EventsAtOnce > 1 {
		g.log.end(g.fill(r))
		return
	}
	g.mu.Lock()
	g.reports = append(g.reports, r)
	g.mu.Unlock()
}

// writeReports writes those that wait.
func (g *guest) writeReports() {
	g.mu.Lock()
	waiting := g.reports
	g.reports = nil
	g.mu.Unlock()
	for _, r := range waiting {
		g.log.end(g.fill(r))
	}
}

// fill adds what is the instance's.
func (g *guest) fill(r report) report {
	r.memory, r.used, r.init = g.cfg.MemoryMB, g.peak(r.ran), time.Duration(g.news.Swap(0))
	return r
}
