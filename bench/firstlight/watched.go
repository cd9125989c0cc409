package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
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
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.server.URL+"/fn/"+cold+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	begin := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var seen moments
	for lines := bufio.NewReader(resp.Body); err == nil && !seen.over; {
		var line string
		line, err = lines.ReadString('\n')
		err = errors.Join(err, seen.hear(strings.TrimSpace(line), time.Since(begin)))
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
	event                    string
	over                     bool
}

// hear takes one line of an event stream.
func (m *moments) hear(line string, at time.Duration) error {
	if name, ok := strings.CutPrefix(line, "event: "); ok {
		m.event = name
		return nil
	}
	data, ok := strings.CutPrefix(line, "data: ")
	switch {
	case !ok:
		return nil
	case m.event == "result":
		m.finished, m.over = at, true
		return nil
	case m.event != "progress":
		return fmt.Errorf("event %s: %.300s", m.event, data)
	}
	var p struct{ Phase, Preview string }
	if err := json.Unmarshal([]byte(data), &p); err != nil {
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
