package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// Answers of any size must not fill the control plane's memory, nor stay in it.
const (
	parallel   = 6
	bigMB      = 250
	mostRiseMB = 160 // of the control plane's memory above where it began: the answers are ten times that
	mostLeftMB = 100 // half a minute later
)

func init() {
	add("answers", "six of 250 MB at once", func(ctx context.Context, s *scene) error {
		return s.fill(ctx, "answers_whole", "/fn/giver/?mb=250&form=whole", "")
	})
	add("answers", "in base64", func(ctx context.Context, s *scene) error {
		return s.fill(ctx, "answers_base64", "/fn/giver/?mb=240&form=base64&type=video/mp4", "")
	})
	add("answers", "that are no HTTP answers", func(ctx context.Context, s *scene) error {
		return s.fill(ctx, "answers_plain", "/fn/giver/?mb=250&form=plain", "")
	})
	add("answers", "as events", func(ctx context.Context, s *scene) error {
		return s.fill(ctx, "answers_events", "/fn/giver/?mb=250&form=whole", "text/event-stream")
	})
	add("answers", "streamed by a function that does not stream", func(ctx context.Context, s *scene) error {
		return s.fill(ctx, "answers_streamed", "/fn/giver/?mb=250&form=stream", "")
	})
	add("answers", "longer than they may be", func(ctx context.Context, s *scene) error {
		return s.fill(ctx, "answers_too_long", "/fn/giver/?mb=400&form=whole", "")
	})
	add("answers", "of the Lambda API", func(ctx context.Context, s *scene) error {
		return s.fillBy(ctx, "answers_lambda", 8, func(ctx context.Context) error {
			resp, err := s.send(ctx, page{method: "POST", path: "/2015-03-31/functions/giver/invocations", body: `{"wish":"mb=200&form=plain"}`})
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			drain(resp.Body)
			return nil
		})
	})
	add("answers", "to readers that are slow", func(ctx context.Context, s *scene) error {
		return s.fillBy(ctx, "answers_slow", parallel, func(ctx context.Context) error {
			resp, err := s.send(ctx, page{method: "GET", path: "/fn/giver/?mb=100"})
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.CopyN(io.Discard, resp.Body, 64<<10)
			time.Sleep(3 * time.Second)
			return err
		})
	})
}

// fill asks for an answer several times at once.
func (s *scene) fill(ctx context.Context, figure, path, accept string) error {
	return s.fillBy(ctx, figure, parallel, func(ctx context.Context) error {
		p := page{method: http.MethodGet, path: path}
		if accept != "" {
			p.header = []string{"Accept", accept}
		}
		resp, err := s.send(ctx, p)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		n := drain(resp.Body)
		if want := figure != "answers_too_long"; (resp.StatusCode == http.StatusOK) != want {
			return fmt.Errorf("answered with %s", resp.Status)
		} else if want && n < bigMB<<19 {
			return fmt.Errorf("the answer was cut off after %d bytes", n)
		}
		return nil
	})
}

// fillBy asks n times at once and watches the control plane's memory: at its most, and what of it stays.
func (s *scene) fillBy(ctx context.Context, figure string, n int, ask func(context.Context) error) error {
	before, err := s.memory()
	if err != nil {
		return err
	}
	peak := s.watch()
	errs := make(chan error, n)
	var group sync.WaitGroup
	for range n {
		group.Go(func() { errs <- ask(ctx) })
	}
	group.Wait()
	rise := peak() - before
	s.report.Figure(figure+"_rise_mb", rise)
	left := s.settled(ctx, before)
	s.report.Figure(figure+"_left_mb", left)
	for range n {
		if err := <-errs; err != nil {
			return err
		}
	}
	if rise > mostRiseMB || left > mostLeftMB {
		return fmt.Errorf("the control plane grew by %.0f MB, and %.0f stayed", rise, left)
	}
	return nil
}

// settled waits until memory has gone down, at most half a minute, and gives what is held above before, in MB.
func (s *scene) settled(ctx context.Context, before float64) float64 {
	for range 60 {
		if now, err := s.memory(); err != nil || now-before < mostLeftMB/2 || ctx.Err() != nil {
			return now - before
		}
		time.Sleep(500 * time.Millisecond)
	}
	now, _ := s.memory()
	return now - before
}

// memory is the control plane's own, in MB; pages of files that it has read are not.
func (s *scene) memory() (float64, error) {
	text, err := harness.ProcStatus(s.PID)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, err := strconv.Atoi(strings.Fields(v)[0])
			return float64(kb) / 1024, err
		}
	}
	return 0, fmt.Errorf("no RssAnon of process %d", s.PID)
}

// watch looks at the memory until the function it gives is called, which gives the most that was seen.
func (s *scene) watch() (most func() float64) {
	stop, peak := make(chan struct{}), make(chan float64)
	go func() {
		var max float64
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			if now, err := s.memory(); err == nil && now > max {
				max = now
			}
			select {
			case <-tick.C:
			case <-stop:
				peak <- max
				return
			}
		}
	}()
	return func() float64 { close(stop); return <-peak }
}
