package client

import (
	"bufio"
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

// Reconnecting is the type of the event by which Watch says that it tries to reach the server again.
const Reconnecting = "reconnecting"

// patience is how often Watch tries in a row, a second apart, before it gives up.
const patience = 30

// Watch calls fn with a job's events until it has ended, and gives its last state. A stream that breaks off (a server that
// restarts, a proxy that loses patience) is taken up again where it ended.
func (c *Client) Watch(ctx context.Context, id string, fn func(Event)) (Job, error) {
	last := ""
	for failures := 0; ; {
		seen := 0
		j, err := c.watchOnce(ctx, id, &last, func(e Event) { seen++; fn(e) })
		if err == nil && j.Ended() {
			return j, nil
		}
		var refused *Error
		if errors.As(err, &refused) && refused.Status < 500 || ctx.Err() != nil {
			return Job{}, errors.Join(err, ctx.Err())
		}
		if failures++; seen > 0 {
			failures = 1
		}
		if failures > patience {
			return Job{}, fmt.Errorf("the events of job %s cannot be followed, the job may go on: %w", id, err)
		}
		if err != nil {
			fn(Event{Type: Reconnecting})
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return Job{}, ctx.Err()
		}
	}
}

func (c *Client) watchOnce(ctx context.Context, id string, last *string, fn func(Event)) (j Job, err error) {
	header := http.Header{"Accept": {"text/event-stream"}}
	if *last != "" {
		header.Set("Last-Event-ID", *last)
	}
	resp, err := c.Send(ctx, http.MethodGet, jobPath(id)+"/events", header, nil)
	if err != nil {
		return j, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent { // the last event has been seen
		return c.Job(ctx, id)
	}
	err = ReadEvents(resp.Body, func(e Event) {
		if e.ID != "" {
			*last = e.ID
		}
		if endState(e.Type) {
			_ = json.Unmarshal(e.Data, &j) // a form that is not known has no id: the job is asked for below
			j.Status = e.Type
		}
		fn(e)
	})
	if j.Ended() && j.ID == "" {
		return c.Job(ctx, id)
	}
	return j, err
}

// ReadEvents parses a stream of server-sent events (WHATWG HTML, section 9.2.6) to its end.
func ReadEvents(r io.Reader, fn func(Event)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), 16<<20) // a preview frame is one line
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
			e.Data = append(e.Data, value...)
		}
	}
	return lines.Err()
}
