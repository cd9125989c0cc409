package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// stall is how long a watcher may leave an event unread before it is cut off; it can resume.
const stall = 30 * time.Second

// eventID is what feeds give: digits that fit 64 bits, in Redis' feed two numbers.
var eventID = regexp.MustCompile(`^[0-9]{1,19}(-[0-9]{1,19})?$`)

// endID is the ID of a job's last event, whatever feed it came from: made of the record, it means the same after a restart
// and on another node, and another after a retry.
func endID(j jobs.Job) string {
	return fmt.Sprintf("end-%d-%d", j.Token, j.Finished.UnixMicro())
}

// events is GET /jobs/{id}/events.
func (a *API) events(w http.ResponseWriter, r *http.Request) error {
	j, err := a.job(r)
	if err != nil {
		return err
	}
	after := r.Header.Get("Last-Event-ID")
	if j.State.Ended() && after == endID(j) {
		w.WriteHeader(http.StatusNoContent) // a browser's EventSource comes again for ever after anything else
		return nil
	}
	if !eventID.MatchString(after) {
		after = ""
	}
	gateway.EventStream(w.Header())
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	s := &stream{w: w, rc: http.NewResponseController(w)}
	ctx, cancel := context.WithCancel(r.Context())
	beats := make(chan struct{})
	go func() { defer close(beats); s.beat(ctx, a.o.Beat, cancel) }()
	_ = s.send("retry: 2000\n\n") // a client that has gone is noticed with the first event
	err = a.o.Jobs.Watch(ctx, j.ID, after, func(e jobs.Event) error { return s.event(located(r, j, a.finished(r, e))) })
	cancel()
	<-beats
	if err != nil && r.Context().Err() == nil && !errors.Is(err, context.Canceled) {
		a.o.Log.Debug("an event stream ended early", "job", j.ID, "error", err)
	}
	return nil // the head has been sent: the client sees the end of the stream and resumes
}

// finished puts the whole job into an ending event as its data.
func (a *API) finished(r *http.Request, e jobs.Event) jobs.Event {
	if !e.Ended() {
		return e
	}
	if j, err := a.o.Jobs.Get(r.Context(), r.PathValue("id")); err == nil && string(j.State) == e.Type {
		e.ID = endID(j)
		if b, err := encode(a.view(r, j)); err == nil {
			e.Data = b
		}
	}
	return e
}

type stream struct {
	mu sync.Mutex
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (s *stream) send(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.rc.SetWriteDeadline(time.Now().Add(stall)) // a recorder in a test has none
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.rc.Flush()
}

func (s *stream) event(e jobs.Event) error {
	return s.send(sse(e.ID, e.Type, e.Data)) // JSON in one line: Marshal makes no breaks
}

// beat sends comments, so that proxies keep the stream and a dead client is noticed.
func (s *stream) beat(ctx context.Context, every time.Duration, cancel func()) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if s.send(": \n\n") != nil {
				cancel()
				return
			}
		}
	}
}
