package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestKeepAliveThenScaleToZeroThenAgain(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.function("echo", "echo", "keepAlive: 300ms\n")
		s := h.serve(t)
		s.do(t, "POST", "/fn/echo/", "{}").want(t, 200)
		if i := s.instances(t); len(i) != 1 {
			t.Errorf("after a call: %+v", i)
		}
		until(t, "no instance is left", func() bool { return len(s.instances(t)) == 0 })
		before := len(pidsOf(h.data))
		s.do(t, "POST", "/fn/echo/", "{}").want(t, 200)
		if now := len(pidsOf(h.data)); now <= before {
			t.Errorf("%d processes with an instance, %d without", now, before)
		}
	})
}

func TestManyRequestsToAColdFunctionStartExactlyItsConcurrency(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.function("echo", "echo", "concurrency: 3\n")
		s := h.serve(t)
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				event := fmt.Sprintf(`{"n":%d}`, i)
				a, err := s.try(t, "POST", invoke("echo"), event)
				if err != nil || a.status != 200 || a.header.Get("X-Amz-Function-Error") != "" || string(a.body) != event {
					t.Errorf("%s: %v, %d: %s", event, err, a.status, a.body)
				}
			})
		}
		wg.Wait()
		i := s.instances(t)
		served := int64(0)
		for _, x := range i {
			served += x.Served
		}
		if len(i) != 3 || served != 1000 {
			t.Errorf("%d instances served %d: %+v", len(i), served, i)
		}
		cold := s.do(t, "GET", "/api/v1/functions", "").want(t, 200)
		f := into[struct{ Functions []struct{ ColdStarts int64 } }](t, cold.body)
		if len(f.Functions) != 1 || f.Functions[0].ColdStarts != 3 {
			t.Errorf("cold starts: %+v", f)
		}
	})
}

func TestServerTimingOnEveryResponse(t *testing.T) {
	h := newHome(t, "process")
	h.function("echo", "echo", "")
	s := h.serve(t)
	for _, c := range []struct{ name, method, path, phases string }{
		{"cold", "POST", "/fn/echo/", "queue create start init run"},
		{"warm", "POST", "/fn/echo/", "queue run"},
		{"invoke", "POST", invoke("echo"), "queue run"},
		{"unknown function", "POST", "/fn/none/", ""},
		{"unknown model", "POST", "/v1/models/none/generate", ""},
		{"list", "GET", "/api/v1/instances", ""},
		{"jobs", "GET", "/v1/jobs", ""},
		{"metrics", "GET", "/metrics", ""},
		{"no such page", "GET", "/none", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			timing := s.do(t, c.method, c.path, "{}").header.Get("Server-Timing")
			if timing == "" {
				t.Error("none")
			}
			for phase := range strings.FieldsSeq(c.phases) {
				says(t, timing, phase+";dur=")
			}
		})
	}
}

func TestFunctionThatExitsAtStartShowsItsLastLines(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.function("echo", "echo", "env: {ECHO_INIT_FAIL: the model is on the moon}\n")
		s := h.serve(t)
		for _, path := range []string{"/fn/echo/", invoke("echo")} {
			a := s.do(t, "POST", path, "{}")
			says(t, string(a.body), "told to fail: the model is on the moon", "exit")
			if a.status == 200 && a.header.Get("X-Amz-Function-Error") == "" {
				t.Errorf("%s: %d without an error", path, a.status)
			}
		}
		if i := s.instances(t); len(i) != 0 {
			t.Errorf("left: %+v", i)
		}
	})
}

// A function that takes more memory than it may is ended; who called it is told why, and the next call finds another one.
func TestMemoryBeyondTheLimitIsAFunctionError(t *testing.T) {
	needContainerd(t)
	h := newHome(t, "containerd")
	h.function("echo", "echo", "limits: {memory: 64MiB}\n")
	s := h.serve(t)
	a := s.do(t, "POST", invoke("echo"), `{"allocateMb":200}`).want(t, 200, `"errorType":"Runtime.ExitError"`, "out of memory: limits.memory is 64MiB")
	if a.header.Get("X-Amz-Function-Error") != "Unhandled" {
		t.Errorf("no function error: %v", a.header)
	}
	s.do(t, "POST", invoke("echo"), `{"a":1}`).want(t, 200, `{"a":1}`)
}
