package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Measured is a call's median time and where the time of that call went.
type Measured struct {
	Millis float64            `json:"ms"`
	Phases map[string]float64 `json:"phasesMs"` // from Server-Timing
	Calls  int                `json:"calls"`
}

func (d *demo) measure(ctx context.Context, s *server, driver string) (*Report, error) {
	r := &Report{Clip: d.Clip.Output, Driver: driver}
	if err := d.step("first start (unpacks the image)", func() error { _, err := s.ping(ctx, d.Clip.Function); return err }); err != nil {
		return nil, err
	}
	err := d.step(fmt.Sprintf("%d cold starts", d.Cold), func() (err error) {
		r.Cold, err = median(d.Cold, func() (Measured, error) {
			if err := s.scaleToZero(ctx); err != nil {
				return Measured{}, err
			}
			return s.ping(ctx, d.Clip.Function)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	err = d.step(fmt.Sprintf("%d warm calls", d.Warm), func() (err error) {
		r.Warm, err = median(d.Warm, func() (Measured, error) { return s.ping(ctx, d.Clip.Function) })
		return err
	})
	if err != nil {
		return nil, err
	}
	r.Film, err = d.film(ctx, s, d.Clip)
	r.Seconds = r.Film.Millis / 1000
	return r, err
}

// film makes the clip with the command a user would type, progress bar and all.
func (d *demo) film(ctx context.Context, s *server, c Clip) (Measured, error) {
	fmt.Fprintf(d.Err, "generating %q\n", c.Prompt)
	begin := time.Now()
	cmd := exec.CommandContext(ctx, d.exe, "generate", c.Prompt, "--server", s.client.URL(), "--model", c.Function,
		"--seed", strconv.FormatInt(d.Seed, 10), "--output", c.Output)
	cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
	if err := cmd.Run(); err != nil {
		return Measured{}, fmt.Errorf("videosdgx generate: %w", err)
	}
	return Measured{Millis: millis(time.Since(begin)), Calls: 1}, nil
}

// ping calls a function with an event that does no work.
func (s *server) ping(ctx context.Context, function string) (Measured, error) {
	begin := time.Now()
	resp, err := s.client.Fetch(ctx, http.MethodPost, function, "/", http.Header{"Content-Type": {"application/json"}}, strings.NewReader(`{"ping":true}`))
	if err != nil {
		return Measured{}, fmt.Errorf("the function did not answer: %w", err)
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return Measured{Millis: millis(time.Since(begin)), Phases: serverTiming(resp.Header.Get("Server-Timing")), Calls: 1}, err
}

// scaleToZero removes every instance, as the end of their keep-alive would.
func (s *server) scaleToZero(ctx context.Context) error {
	all, err := s.client.Instances(ctx, "")
	for _, i := range all {
		err = errors.Join(err, s.client.StopInstance(ctx, i.ID))
	}
	return err
}

// await asks until a function is there: until the watched folder has been read.
func (s *server) await(ctx context.Context, function string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		_, err := s.client.Function(ctx, function)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// median makes n calls and gives the one in the middle.
func median(n int, call func() (Measured, error)) (Measured, error) {
	if n < 1 {
		return Measured{}, errors.New("at least one call must be measured")
	}
	all := make([]Measured, n)
	for i := range all {
		var err error
		if all[i], err = call(); err != nil {
			return Measured{}, err
		}
	}
	slices.SortFunc(all, func(a, b Measured) int { return int(1e6 * (a.Millis - b.Millis)) })
	m := all[n/2]
	m.Calls = n
	return m, nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
