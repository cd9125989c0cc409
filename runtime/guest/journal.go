package guest

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// maxLine is where a line that does not end is cut, in bytes.
const maxLine = 64 << 10

// stampForm is RFC 3339 in UTC with milliseconds, always as long: such times sort as text.
const stampForm = "2006-01-02T15:04:05.000Z"

// journal writes an instance's log: whole lines, each behind its time, the request it belongs to ("-": none, or one of
// several) and tabs. Safe for concurrent use.
type journal struct {
	mu    sync.Mutex
	out   io.Writer
	rest  []byte   // of the function's line that has not ended
	open  []string // requests that have begun and not ended
	held  []note   // lines of init's own, to be written with the next ones, or soon
	text  []byte   // room for what is written
	now   stamp
	timer *time.Timer
	armed bool
	wrote time.Time // last
}

// note is what init has to say of an event. It is put into words when it is written, which nobody waits for.
type note struct {
	at      time.Time
	version string // that got the event; "": this is its end
	report
}

// Lines of init's own may wait for others, holding at first and keeping where others have just been written: a short call then
// shares one write with many others, and the timer, with which Go's monitor thread wakes, seldom runs.
const (
	holding = 10 * time.Millisecond
	keeping = 100 * time.Millisecond
)

// mostHeld is how many lines wait.
const mostHeld = 256

// write takes what the function has written, in whatever pieces.
func (j *journal) write(p []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rest = append(j.rest, p...)
	end := bytes.LastIndexByte(j.rest, '\n') + 1
	if end == 0 && len(j.rest) < maxLine {
		return
	}
	if end == 0 {
		j.rest = append(j.rest, '\n')
		end = len(j.rest)
	}
	j.put(j.request(), j.rest[:end])
	j.rest = append(j.rest[:0], j.rest[end:]...)
}

// flush writes all that there is, and ends the line that the function has not ended.
func (j *journal) flush() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.endLine()
	j.writeOut()
}

// say writes a line of init's own.
func (j *journal) say(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.put("-", fmt.Appendf(nil, "videosdgx-init: "+format+"\n", args...))
}

// begin writes that the function has got an event.
func (j *journal) begin(id, version string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.endLine()
	j.open = append(j.open, id)
	j.hold(note{time.Now(), version, report{id: id}})
}

// end writes what an event has taken, once for each begin.
func (j *journal) end(r report) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.endLine()
	for i, id := range j.open {
		if id == r.id {
			j.open = slices.Delete(j.open, i, i+1)
			break
		}
	}
	j.hold(note{time.Now(), "", r})
}

// late writes what has been held for long enough.
func (j *journal) late() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.armed = false
	j.writeOut()
}

// The rest is called with mu held.

// request is whose a line of the function is, where that can be told.
func (j *journal) request() string {
	if len(j.open) == 1 {
		return j.open[0]
	}
	return "-"
}

func (j *journal) endLine() {
	if len(j.rest) > 0 {
		j.put(j.request(), append(j.rest, '\n'))
		j.rest = j.rest[:0]
	}
}

// put writes whole lines, behind what was held, in one piece.
func (j *journal) put(id string, lines []byte) {
	now := time.Now()
	j.putHeld()
	for line := range bytes.Lines(lines) {
		j.text = append(j.now.head(j.text, now, id), line...)
	}
	j.writeOut()
}

// hold has a note written soon.
func (j *journal) hold(n note) {
	j.held = append(j.held, n)
	switch {
	case len(j.held) >= mostHeld:
		j.writeOut()
	case !j.armed:
		d := holding
		if n.at.Sub(j.wrote) < keeping {
			d = keeping
		}
		j.armed = true
		if j.timer == nil {
			j.timer = time.AfterFunc(d, j.late)
		} else {
			j.timer.Reset(d)
		}
	}
}

func (j *journal) putHeld() {
	for _, n := range j.held {
		if n.version != "" {
			j.text = append(append(append(j.now.head(j.text, n.at, n.id), "START RequestId: "...), n.id...), " Version: "...)
			j.text = append(append(j.text, n.version...), '\n')
			continue
		}
		j.text = append(append(append(j.now.head(j.text, n.at, n.id), "END RequestId: "...), n.id...), '\n')
		j.text = n.line(j.now.head(j.text, n.at, n.id))
	}
	clear(j.held)
	j.held = j.held[:0]
}

// writeOut writes what there is. A log that cannot be written must not stop the function.
func (j *journal) writeOut() {
	if j.putHeld(); len(j.text) > 0 {
		j.out.Write(j.text)
		j.wrote = time.Now()
	}
	if j.text = j.text[:0]; cap(j.text) > 2*maxLine {
		j.text = nil
	}
}

// stamp is a time in words, which many lines share.
type stamp struct {
	ms   int64
	text []byte
}

// head appends what a line begins with.
func (s *stamp) head(b []byte, at time.Time, id string) []byte {
	if ms := at.UnixMilli(); ms != s.ms || s.text == nil {
		s.ms, s.text = ms, at.UTC().AppendFormat(s.text[:0], stampForm)
	}
	return append(append(append(append(b, s.text...), '\t'), id...), '\t')
}
