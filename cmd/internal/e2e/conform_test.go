package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestLifecycleAsManifestsAskForIt shows the manifest's fields at work, over HTTP, on both drivers alike.
func TestLifecycleAsManifestsAskForIt(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.function("late", "echo", "timeout: 300ms\n")
		h.function("warm", "echo", "minInstances: 1\nkeepAlive: 50ms\n")
		h.function("staged", "echo", "staged: 1\nkeepAlive: 100ms\n")
		h.function("short", "echo", "queueLimit: 1\n")
		h.function("huge", "echo", "limits: {memory: 1000TiB}\n")
		h.function("many", "echo", "eventsAtOnce: 4\n")
		s := h.serve(t)
		t.Run("timeout tells of it and replaces the instance", s.timesOut)
		t.Run("minInstances stays warm", func(t *testing.T) {
			until(t, "an idle instance without a call", func() bool { return s.states(t, "warm")["idle"] == 1 })
		})
		t.Run("staged is created, starts on the first call and is made again", func(t *testing.T) {
			until(t, "a staged instance", func() bool { return s.states(t, "staged")["staged"] == 1 })
			a := s.do(t, "POST", "/fn/staged/", "{}").want(t, 200)
			if strings.Contains(a.header.Get("Server-Timing"), "create;") {
				t.Errorf("it was created anew: %s", a.header.Get("Server-Timing"))
			}
			until(t, "idle again", func() bool { n := s.states(t, "staged"); return n["idle"] == 0 && n["staged"] == 1 })
		})
		t.Run("a full queue refuses with Retry-After", s.refusesWhenFull)
		t.Run("what can never fit is refused at once", func(t *testing.T) {
			a := s.do(t, "POST", "/fn/huge/", "{}")
			if a.status != 429 || a.header.Get("Retry-After") == "" {
				t.Errorf("status %d, %v", a.status, a.header)
			}
			says(t, string(a.body), "needs 1000TiB of system memory", "MiB; lower limits.memory")
		})
		t.Run("eventsAtOnce above 1 serves that many in one instance", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() { s.leaves(ctx, t, "many", `{"sleep":"10m","watch":true}`) })
			}
			until(t, "all four are worked on at once", func() bool { return s.inFlight(t, "many") == 4 })
			if n := s.states(t, "many"); n["busy"] != 1 || len(n) != 1 {
				t.Errorf("instances %v", n)
			}
			cancel()
			wg.Wait()
			until(t, "none is worked on", func() bool { return s.inFlight(t, "many") == 0 })
		})
		t.Run("a new version drops no request", func(t *testing.T) { h.reloadsUnderLoad(t, s) })
	})
}

// leaves sends an event to a function's URL, and goes when ctx ends: what a URL's caller has left is cancelled.
func (s *server) leaves(ctx context.Context, t *testing.T, function, event string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/fn/"+function+"/", strings.NewReader(event))
	if err != nil {
		t.Error(err)
		return
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Errorf("%s before anybody left", resp.Status)
	}
}

// inFlight is how many events a function's instances work on.
func (s *server) inFlight(t *testing.T, function string) int {
	t.Helper()
	name := `videosdgx_invocations_in_flight{function="` + function + `"} `
	_, rest, _ := strings.Cut(string(s.do(t, "GET", "/metrics", "").want(t, 200).body), name)
	line, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.Atoi(line) // nothing: no instance is there
	return n
}

// states counts a function's instances by their state.
func (s *server) states(t *testing.T, function string) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, i := range s.instances(t) {
		if i.Function == function {
			n[i.State]++
		}
	}
	return n
}

func (s *server) timesOut(t *testing.T) {
	a := s.do(t, "POST", invoke("late"), `{"sleep":"20s","stubborn":true}`).want(t, 200, "timed out")
	if a.header.Get("X-Amz-Function-Error") == "" {
		t.Errorf("no function error: %v", a.header)
	}
	until(t, "the late instance is gone", func() bool { return s.states(t, "late")["busy"] == 0 })
	until(t, "another instance answers", func() bool { // an answer may take longer than 300 ms on a machine that does other work
		a := s.do(t, "POST", invoke("late"), `{"a":1}`).want(t, 200)
		return string(a.body) == `{"a":1}`
	})
}

func (s *server) refusesWhenFull(t *testing.T) {
	s.do(t, "POST", invoke("short"), `{}`).want(t, 200)
	var refused, served atomic.Int32
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			a, err := s.try(t, "POST", invoke("short"), `{"sleep":"500ms"}`)
			switch {
			case err != nil:
				t.Error(err)
			case a.status == 429 && a.header.Get("Retry-After") != "":
				refused.Add(1)
			case a.status == 200:
				served.Add(1)
			default:
				t.Errorf("%d %v %s", a.status, a.header, a.body)
			}
		})
	}
	wg.Wait()
	if refused.Load() == 0 || served.Load() < 2 {
		t.Errorf("%d refused, %d served", refused.Load(), served.Load())
	}
}

func (h *home) reloadsUnderLoad(t *testing.T, s *server) {
	h.function("load", "echo", "env: {MARK: v0}\nconcurrency: 2\n")
	until(t, "it serves", func() bool { return s.do(t, "POST", invoke("load"), "{}").status == 200 })
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var calls atomic.Int32
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				a, err := s.try(t, "POST", invoke("load"), `{"sleep":"5ms","env":true}`)
				calls.Add(1)
				if err != nil || a.status != 200 || a.header.Get("X-Amz-Function-Error") != "" {
					t.Errorf("%v %d %s", err, a.status, a.body)
					return
				}
			}
		})
	}
	for v := 1; v <= 3; v++ {
		h.function("load", "echo", fmt.Sprintf("env: {MARK: v%d}\nconcurrency: 2\n", v))
		mark := fmt.Sprintf(`"MARK":"v%d"`, v)
		until(t, "the new version answers", func() bool {
			a, err := s.try(t, "POST", invoke("load"), `{"env":true}`)
			return err == nil && strings.Contains(string(a.body), mark)
		})
	}
	close(stop)
	wg.Wait()
	if calls.Load() < 10 {
		t.Errorf("only %d calls", calls.Load())
	}
	if err := os.RemoveAll(h.path("functions", "load")); err != nil {
		t.Fatal(err)
	}
}
