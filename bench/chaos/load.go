package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// load are callers that send unique events and check every answer.
type load struct {
	client *http.Client
	url    string
	down   downtime

	calls, right, refused, cut atomic.Int64
	mu                         sync.Mutex
	wrong                      []string
	last                       [functions]atomic.Int64 // when the latest call of each that was answered rightly had been sent, since start
	start                      time.Time
}

// patience is more than any recovery may take: an answer later than that counts as none.
const patience = 60 * time.Second

func newLoad(url string, workers int) *load {
	t := &http.Transport{MaxIdleConnsPerHost: workers}
	return &load{client: &http.Client{Transport: t, Timeout: patience}, url: url, start: time.Now()}
}

// run calls until ctx ends.
func (l *load) run(ctx context.Context, workers int, seed uint64) {
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(w)))
			for i := 0; ctx.Err() == nil; i++ {
				if !l.one(rng, fmt.Sprintf("%d-%d", w, i)) {
					time.Sleep(20 * time.Millisecond) // the control plane is down: no busy loop
				}
			}
		})
	}
	wg.Wait()
	l.client.CloseIdleConnections()
}

// event is what the function gets and must give back. Some take a while, so that kills meet events in flight.
func event(rng *rand.Rand, id string) []byte {
	noise := make([]byte, rng.IntN(1<<rng.IntN(16)))
	for i := range noise {
		noise[i] = 'a' + byte(rng.IntN(26))
	}
	e := map[string]any{"id": id, "noise": string(noise)}
	if rng.IntN(4) == 0 {
		e["sleep"] = fmt.Sprintf("%dms", rng.IntN(100))
	}
	b, _ := json.Marshal(e) // strings only: cannot fail
	return b
}

// one sends one event and judges its answer; false says that there was no server to answer.
func (l *load) one(rng *rand.Rand, id string) bool {
	fn, payload, begun := rng.IntN(functions), event(rng, id), time.Now()
	l.calls.Add(1)
	//nolint:noctx // a call under way when the storm ends is answered too, and judged
	resp, err := l.client.Post(l.url+"/2015-03-31/functions/"+function(fn)+"/invocations", "application/json", bytes.NewReader(payload))
	if err == nil {
		defer resp.Body.Close()
		var body []byte
		if body, err = io.ReadAll(resp.Body); err == nil {
			if l.judge(id, payload, resp, body) {
				l.advance(fn, begun)
			}
			return true
		}
	}
	if !l.down.between(begun, time.Now()) {
		l.note("%s: no answer after %v although the control plane was up: %v", id, time.Since(begun), err)
	}
	l.cut.Add(1)
	return false
}

// judge counts an answer and tells whether it is the event.
func (l *load) judge(id string, payload []byte, resp *http.Response, body []byte) bool {
	if resp.StatusCode == http.StatusOK && resp.Header.Get("X-Amz-Function-Error") == "" {
		if !bytes.Equal(body, payload) {
			l.note("%s: sent %.200s, got %.200s", id, payload, body)
			return false
		}
		l.right.Add(1)
		return true
	}
	if err := lambdaError(resp, body); err != nil {
		l.note("%s: %s %v: %.200s: %v", id, resp.Status, resp.Header, body, err)
		return false
	}
	l.refused.Add(1)
	return false
}

func (l *load) advance(fn int, begun time.Time) {
	for sent := int64(begun.Sub(l.start)); ; {
		if old := l.last[fn].Load(); old >= sent || l.last[fn].CompareAndSwap(old, sent) {
			return
		}
	}
}

// lambdaError checks the form of an error: of the function (200 with X-Amz-Function-Error and errorType) or of the
// service (an exception's name in the header and a message). What the client did wrong is no excuse here.
func lambdaError(resp *http.Response, body []byte) error {
	var e struct{ ErrorType, ErrorMessage, Message string }
	if err := json.Unmarshal(body, &e); err != nil {
		return err
	}
	switch {
	case resp.Header.Get("X-Amz-Function-Error") != "" && e.ErrorType != "":
		return nil
	case resp.StatusCode >= 500 && resp.Header.Get("X-Amzn-Errortype") != "" && e.Message != "":
		return nil
	}
	return errors.New("neither the event nor an error in Lambda's form")
}

func (l *load) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// answered waits until every function has given a right answer to a call that was sent after a moment.
func (l *load) answered(ctx context.Context, after time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for fn := range functions {
		for l.last[fn].Load() <= int64(after.Sub(l.start)) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s: %w", function(fn), ctx.Err())
			case <-time.After(time.Millisecond):
			}
		}
	}
	return nil
}

// downtime remembers when the control plane was not there.
type downtime struct {
	mu    sync.Mutex
	spans [][2]time.Time // a zero end: still
}

func (d *downtime) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spans = append(d.spans, [2]time.Time{time.Now()})
}

func (d *downtime) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spans[len(d.spans)-1][1] = time.Now()
}

// between tells whether it was away at any time from a to b.
func (d *downtime) between(a, b time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.spans {
		if s[0].Before(b) && (s[1].IsZero() || s[1].After(a)) {
			return true
		}
	}
	return false
}
