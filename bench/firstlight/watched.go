package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/runtime/client"
)

// watched are clips of a function of which nothing runs, followed as a browser does: by server-sent events.
type watched struct {
	*bench
	n                        int
	picture, frame, finished *harness.Samples
}

func newWatched(b *bench) *watched {
	return &watched{bench: b, picture: harness.NewSamples(), frame: harness.NewSamples(), finished: harness.NewSamples()}
}

func (w *watched) make(ctx context.Context, n int) error {
	for range n {
		if err := w.server.ToZero(ctx, cold, harness.Absent); err != nil {
			return err
		}
		w.n++
		request := w.demoRequest(w.n)
		request["preview"] = true
		if err := w.follow(ctx, request); err != nil {
			return err
		}
	}
	return nil
}

// follow makes one clip and takes the time to the first picture of what it will be, to its first own frame, and to the
// clip itself.
func (w *watched) follow(ctx context.Context, request map[string]any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	c, err := w.server.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}}
	begin := time.Now()
	resp, err := c.Fetch(ctx, http.MethodPost, cold, "/", header, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var seen moments
	var wrong error
	err = client.ReadEvents(resp.Body, func(e client.Event) { wrong = errors.Join(wrong, seen.hear(e, time.Since(begin))) })
	if err = errors.Join(err, wrong); err == nil && !seen.over {
		err = errors.New("its progress breaks off")
	}
	if err == nil && (seen.picture == 0 || seen.frame == 0) {
		err = errors.New("its progress shows no picture or no frame")
	}
	if err != nil {
		return fmt.Errorf("follow a clip, %s: %w", resp.Status, err)
	}
	w.picture.Add(seen.picture)
	w.frame.Add(seen.frame)
	w.finished.Add(seen.finished)
	return nil
}

// moments are when something of a clip was first seen.
type moments struct {
	picture, frame, finished time.Duration
	over                     bool
}

// hear takes one event of a stream.
func (m *moments) hear(e client.Event, at time.Duration) error {
	switch e.Type {
	case "result":
		m.finished, m.over = at, true
		return nil
	case "progress":
	default:
		return fmt.Errorf("event %s: %.300s", e.Type, e.Data)
	}
	var p struct{ Phase, Preview string }
	if err := json.Unmarshal(e.Data, &p); err != nil {
		return err
	}
	if p.Preview == "" {
		return nil
	}
	if m.picture == 0 {
		m.picture = at
	}
	if m.frame == 0 && p.Phase != "denoise" {
		m.frame = at
	}
	return nil
}

func (w *watched) report() {
	if w.n == 0 {
		return
	}
	r := w.bench.report
	r.Seconds("cold_first_picture", w.picture)
	r.Seconds("cold_first_frame", w.frame)
	r.Seconds("cold_finished_clip", w.finished)
}
