package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// load are callers that send unique events and check every answer.
type load struct {
	client *client.Client
	down   downtime

	calls, right, refused, cut atomic.Int64
	mu                         sync.Mutex
	wrong                      []string
	last                       [functions]atomic.Int64 // when the latest call of each that was answered rightly had been sent, since start
	start                      time.Time
}

// patience is more than any recovery may take: an answer later than that counts as none.
const patience = 60 * time.Second

func newLoad(url string, workers int) (*load, error) {
	t := &http.Transport{MaxIdleConnsPerHost: workers}
	c, err := client.New(client.Options{Server: url, HTTP: &http.Client{Transport: t, Timeout: patience}})
	return &load{client: c, start: time.Now()}, err
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
	l.client.Close()
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
	// a call under way when the storm ends is answered too, and judged
	res, err := l.client.Invoke(context.Background(), client.Invocation{Function: function(fn), Payload: payload})
	if refused := (*client.Error)(nil); err == nil || errors.As(err, &refused) {
		if l.judge(id, payload, res, err) {
			l.advance(fn, begun)
		}
		return true
	}
	if !l.down.between(begun, time.Now()) {
		l.note("%s: no answer after %v although the control plane was up: %v", id, time.Since(begun), err)
	}
	l.cut.Add(1)
	return false
}

// judge counts an answer, or a refusal, and tells whether it is the event.
func (l *load) judge(id string, payload []byte, res client.Result, refusal error) bool {
	if refusal == nil && res.FunctionError == "" {
		if res.Status != http.StatusOK || !bytes.Equal(res.Payload, payload) {
			l.note("%s: sent %.200s, got %d %.200s", id, payload, res.Status, res.Payload)
			return false
		}
		l.right.Add(1)
		return true
	}
	if err := lambdaError(res, refusal); err != nil {
		l.note("%s: %d %v %.200s: %v", id, res.Status, refusal, res.Payload, err)
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

// lambdaError checks the form of an error: of the function (an answer with errorType) or of the service (an exception's name
// and a message). What the client did wrong is no excuse here.
func lambdaError(res client.Result, refusal error) error {
	if refused := (*client.Error)(nil); errors.As(refusal, &refused) {
		if refused.Status >= 500 && refused.Type != "" && refused.Message != "" {
			return nil
		}
		return errors.New("an error that is not in Lambda's form")
	}
	var e struct{ ErrorType string }
	if err := json.Unmarshal(res.Payload, &e); err != nil {
		return err
	}
	if e.ErrorType == "" {
		return errors.New("a function's error without its type")
	}
	return nil
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
