package main

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The checker must see each kind of wrong answer, and let each kind of right one pass.
func TestLoadJudgesAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, body string)
		wrong  bool
	}{
		"the event":       {func(w http.ResponseWriter, body string) { io.WriteString(w, body) }, false},
		"a foreign event": {func(w http.ResponseWriter, body string) { io.WriteString(w, strings.Replace(body, "7-7", "7-8", 1)) }, true},
		"half an event":   {func(w http.ResponseWriter, body string) { io.WriteString(w, body[:len(body)/2]) }, true},
		"a function's error": {func(w http.ResponseWriter, _ string) {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			io.WriteString(w, `{"errorType":"Runtime.ExitError","errorMessage":"exited"}`)
		}, false},
		"a service's error": {func(w http.ResponseWriter, _ string) {
			w.Header().Set("X-Amzn-Errortype", "ServiceException")
			w.WriteHeader(503)
			io.WriteString(w, `{"Message":"not now"}`)
		}, false},
		"a nameless error": {func(w http.ResponseWriter, _ string) { http.Error(w, "oops", 500) }, true},
		"the client's fault": {func(w http.ResponseWriter, _ string) {
			w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
			w.WriteHeader(404)
			io.WriteString(w, `{"Message":"no such function"}`)
		}, true},
		"none": {func(http.ResponseWriter, string) { panic(http.ErrAbortHandler) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				c.answer(w, string(b))
			}))
			defer srv.Close()
			l, err := newLoad(srv.URL, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer l.client.Close()
			l.one(rand.New(rand.NewPCG(1, 1)), "7-7")
			if wrong := len(l.wrong) > 0; wrong != c.wrong {
				t.Errorf("wrong = %v: %v", wrong, l.wrong)
			}
		})
	}
}

func TestCutOffCallsAreExcusedOnlyByADownControlPlane(t *testing.T) {
	var d downtime
	before := time.Now()
	d.begin()
	if d.between(before.Add(-2), before.Add(-1)) || !d.between(before, time.Now()) {
		t.Error("an open span is not seen right")
	}
	d.end()
	after := time.Now().Add(1)
	if d.between(after, after.Add(1)) {
		t.Error("a call after the end is excused")
	}
}

// Something of every visible kind is left on purpose, and must be found.
func TestLeftFindsWhatIsLeft(t *testing.T) {
	data := t.TempDir()
	things := newThings(data)
	if left, err := things.left(t.Context()); err != nil || len(left) != 0 {
		t.Fatalf("%v %v", left, err)
	}
	if err := os.MkdirAll(filepath.Join(data, "run", "an-instance"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tail", "-f", filepath.Join(data, "run"), "/dev/null")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	left, err := things.left(t.Context())
	text := strings.Join(left, "\n")
	if err != nil || len(left) != 2 || !strings.Contains(text, "process ") || !strings.Contains(text, "an-instance") {
		t.Errorf("%v: %s", err, text)
	}
	for _, p := range things.find("") {
		if p.pid != cmd.Process.Pid {
			t.Errorf("process %d is not the server's: %s", p.pid, p.text)
		}
	}
}
