package handler

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/videosdgx/videosdgx/functions/media"
)

// report is a progress report on the wire.
type report struct {
	Phase   string  `json:"phase"`
	Step    int     `json:"step"`
	Steps   int     `json:"steps"`
	Seconds float64 `json:"seconds"` // since the function got the event
	Preview []byte  `json:"preview,omitempty"`
	Message string  `json:"message,omitempty"`
	Engine  string  `json:"engine,omitempty"` // that makes the clip
}

// reporter sends a model's progress without ever holding it up: the newest report waits while one is being sent, older
// ones are dropped, and close sends the last.
type reporter struct {
	api   *runtimeAPI
	path  string
	log   *slog.Logger
	start time.Time
	box   chan Progress // holds the newest report that has not been sent
	done  chan struct{}

	engine func() (name, why string)
}

// lastWait bounds how long the answer waits for the last report.
const lastWait = 2 * time.Second

func newReporter(api *runtimeAPI, id string, log *slog.Logger, start time.Time) *reporter {
	r := &reporter{api: api, path: "/invocation/" + id + "/progress", log: log, start: start, box: make(chan Progress, 1), done: make(chan struct{}),
		engine: func() (string, string) { return "", "" }}
	if !api.has("progress") || id == "" {
		close(r.done)
		return r
	}
	go r.run()
	return r
}

// put is called by one goroutine.
func (r *reporter) put(p Progress) {
	select {
	case old := <-r.box:
		if p.Preview == nil {
			p.Preview = old.Preview // not lost with the report that carried it
		}
	default:
	}
	r.box <- p // one place, and nobody else fills it
}

func (r *reporter) run() {
	defer close(r.done)
	for p := range r.box {
		if err := r.send(p); err != nil {
			r.log.Warn("progress could not be reported", "error", err)
		}
	}
}

func (r *reporter) send(p Progress) (err error) {
	defer func() {
		if v := recover(); v != nil { // a model's preview is its own code
			err = fmt.Errorf("the preview cannot be drawn: %v", v)
		}
	}()
	out := report{Phase: p.Phase, Step: p.Step, Steps: p.Steps, Seconds: rounded(time.Since(r.start).Seconds()), Message: p.Message}
	out.Engine, _ = r.engine()
	if p.Preview != nil {
		jpeg, err := media.JPEG(p.Preview, 80)
		if err != nil {
			return err
		}
		out.Preview = jpeg
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastWait)
	defer cancel()
	status, err := r.api.call(ctx, "POST", r.path, "application/json", bytes.NewReader(encode(out)))
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("the runtime answers %d", status)
	}
	return err
}

// close waits for the last report to be sent.
func (r *reporter) close() {
	close(r.box)
	<-r.done
}
