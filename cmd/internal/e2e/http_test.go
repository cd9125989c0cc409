package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// answer is a whole HTTP answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// invoke is the path of Lambda's Invoke call, which hands the body to the function as it is.
func invoke(function string) string { return "/2015-03-31/functions/" + function + "/invocations" }

// do makes one request; header holds names and values in turn.
func (s *server) do(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	a, err := s.try(t, method, path, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s *server) try(t *testing.T, method, path, body string, header ...string) (a answer, err error) {
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

// want fails unless the answer has a status and its body all the texts, in lower or upper case.
func (a answer) want(t *testing.T, status int, texts ...string) answer {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d instead of %d: %.600s", a.status, status, a.body)
	}
	says(t, string(a.body), texts...)
	return a
}

func says(t *testing.T, got string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(strings.ToLower(got), strings.ToLower(s)) {
			t.Errorf("does not say %q: %.1500s", s, got)
		}
	}
}

func into[T any](t *testing.T, b []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v: %.600s", err, b)
	}
	return v
}

// command runs one of the program's commands; output is what it printed to either.
func command(t *testing.T, env []string, args ...string) (output string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(need(t, programs), "videosdgx"), args...)
	cmd.Dir, cmd.Env = root, append(clean(os.Environ()), env...)
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// until polls a condition of the outside world, which sends no signal.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// works sends an event and returns once a function is seen to work on it; an event that was over before anybody looked is sent again.
func (s *server) works(t *testing.T, function, event string) (got <-chan answer) {
	t.Helper()
	send := func() <-chan answer {
		done := make(chan answer, 1)
		go func() {
			a, _ := s.try(t, "POST", invoke(function), event) // no answer has the status 0
			done <- a
		}()
		return done
	}
	got = send()
	until(t, function+" works", func() bool {
		if s.states(t, function)["busy"] > 0 {
			return true
		}
		select {
		case a := <-got:
			a.want(t, http.StatusOK)
			got = send()
		default:
		}
		return false
	})
	return got
}

// instance is one line of ps.
type instance struct {
	ID, Function, State, StartedBy string
	Served                         int64
}

func (s *server) instances(t *testing.T) []instance {
	t.Helper()
	a := s.do(t, "GET", "/api/v1/instances", "").want(t, 200)
	return into[struct{ Instances []instance }](t, a.body).Instances
}

// job is what the REST API says of one.
type job struct {
	ID, Status, Reason string
	Error              *struct{ Kind, Detail, Log string }
	Result             *struct{ Size int64 }
	Attempts           int
}

func (s *server) job(t *testing.T, id string) job {
	t.Helper()
	return into[job](t, s.do(t, "GET", "/v1/jobs/"+id, "").want(t, 200).body)
}

func (s *server) submit(t *testing.T, body string) job {
	t.Helper()
	return into[job](t, s.do(t, "POST", "/v1/models/wan21/generate", body).want(t, 202).body)
}
