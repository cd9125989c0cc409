package client

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Event is one of a job's events: queued, running, progress, preview, completed, failed, cancelled, dead. While the server
// cannot be reached Watch tells of it by itself, as Reconnecting.
type Event struct {
	ID, Type string
	Data     []byte // JSON
}

// Reconnecting is the type of the event by which Watch says that it tries to reach the server again; its data has the error that
// ended the stream.
const Reconnecting = "reconnecting"

// Watch calls fn with a job's events until it has ended, and gives its last state. A stream that breaks off (a server that
// restarts, a proxy that loses patience) is taken up again where it ended, for about a minute without an event. What time does not
// mend ends it at once: a refusal, in the server's words, and a server that is no VideosDGX.
func (c *Client) Watch(ctx context.Context, id string, fn func(Event)) (Job, error) {
	w := watching{c: c, id: id, fn: fn}
	for {
		j, err := w.once(ctx)
		switch {
		case err == nil && j.Ended():
			return j, nil
		case ctx.Err() != nil:
			return Job{}, errors.Join(err, ctx.Err())
		case err != nil && !mayPass(err):
			return Job{}, err
		}
		pause, ok := w.again.next(err)
		if !ok {
			return Job{}, fmt.Errorf("the events of job %s cannot be followed, the job may go on: %w", id, cmp.Or(err, errNoEnd))
		}
		if err != nil {
			fn(reconnecting(err))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return Job{}, ctx.Err()
		}
	}
}

func reconnecting(why error) Event {
	b, _ := json.Marshal(map[string]string{"error": why.Error()}) // of strings: cannot fail
	return Event{Type: Reconnecting, Data: b}
}

// errNoEnd is why a stream is taken up again that ended in order, before its job did.
var errNoEnd = errors.New("its stream ends again and again, and brings nothing new")

// lasting is how long a stream has been there that is no failure, though it brought nothing: many a proxy ends what rests.
const lasting = 10 * time.Second

// watching is one Watch.
type watching struct {
	c     *Client
	id    string
	fn    func(Event)
	last  string // event that was seen
	again retries
}

// once follows one stream to its end.
func (w *watching) once(ctx context.Context) (j Job, err error) {
	header := http.Header{"Accept": {"text/event-stream"}}
	if w.last != "" {
		header.Set("Last-Event-ID", w.last)
	}
	resp, err := w.c.Send(ctx, http.MethodGet, jobPath(w.id)+"/events", header, nil)
	if err != nil {
		return j, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent { // the last event has been seen
		return w.c.Job(ctx, w.id)
	}
	if kind := mediaType(resp.Header); kind != "text/event-stream" {
		return j, w.c.stranger(http.MethodGet, jobPath(w.id)+"/events", kind)
	}
	begun := time.Now()
	if err = ReadEvents(resp.Body, func(e Event) { j = w.seen(e, j) }); err != nil {
		err = &brokenError{err}
	}
	if time.Since(begun) >= lasting {
		w.again = retries{}
	}
	if j.Ended() && j.ID == "" {
		return w.c.Job(ctx, w.id)
	}
	return j, err
}

// seen takes an event, and gives the job with what it says of its end.
func (w *watching) seen(e Event, j Job) Job {
	if e.ID != "" && e.ID != w.last {
		w.last, w.again = e.ID, retries{}
	}
	if endState(e.Type) {
		_ = json.Unmarshal(e.Data, &j) // a form that is not known has no id: the job is asked for
		j.Status = e.Type
	}
	w.fn(e)
	return j
}

// mostEvent is how many bytes an event may have.
const mostEvent = 16 << 20

// ReadEvents parses a stream of server-sent events (WHATWG HTML, section 9.2.6) to its end. An event of more than 16 MiB is
// bufio.ErrTooLong.
func ReadEvents(r io.Reader, fn func(Event)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), mostEvent) // a preview frame is one line
	var e Event
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if len(e.Data) > 0 {
				fn(e)
			}
			e = Event{}
		case name == "id":
			e.ID = value
		case name == "event":
			e.Type = value
		case name == "data":
			if len(e.Data) > 0 {
				e.Data = append(e.Data, '\n')
			}
			if e.Data = append(e.Data, value...); len(e.Data) > mostEvent {
				return bufio.ErrTooLong
			}
		}
	}
	return lines.Err()
}
