package guest

import (
	"bytes"
	"fmt"
	"io"
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
	held  []byte   // whole lines, to be written with the next ones, or soon
	timer *time.Timer
}

// holding is how long lines of init's own may wait for others: a short call then costs one write, or shares one with the
// calls after it.
const holding = 10 * time.Millisecond

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
	j.hold(id, fmt.Appendf(nil, "START RequestId: %s Version: %s\n", id, version))
}

// end writes what an event has taken, once for each begin.
func (j *journal) end(r report) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.endLine()
	for i, id := range j.open {
		if id == r.id {
			j.open = append(j.open[:i], j.open[i+1:]...)
			break
		}
	}
	j.hold(r.id, r.text())
}

// late writes what has been held for long enough.
func (j *journal) late() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.timer = nil
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

// put writes whole lines, and what was held, in one piece.
func (j *journal) put(id string, lines []byte) {
	j.stamp(id, lines)
	j.writeOut()
}

// hold has whole lines written soon.
func (j *journal) hold(id string, lines []byte) {
	j.stamp(id, lines)
	switch {
	case len(j.held) >= maxLine:
		j.writeOut()
	case j.timer == nil:
		j.timer = time.AfterFunc(holding, j.late)
	}
}

func (j *journal) stamp(id string, lines []byte) {
	now := time.Now().UTC()
	for line := range bytes.Lines(lines) {
		j.held = append(append(append(now.AppendFormat(j.held, stampForm), '\t'), id...), '\t')
		j.held = append(j.held, line...)
	}
}

// writeOut writes what is held. A log that cannot be written must not stop the function.
func (j *journal) writeOut() {
	if len(j.held) > 0 {
		j.out.Write(j.held)
	}
	if j.held = j.held[:0]; cap(j.held) > 2*maxLine {
		j.held = nil
	}
}
