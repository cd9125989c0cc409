package jobs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"runtime"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// repeated is a long text that is not there.
type repeated struct {
	unit []byte
	left int64
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), r.left)], r.unit[int(-r.left)&(len(r.unit)-1):])
	r.left -= int64(n)
	return n, nil
}

func whole(body io.Reader, t spec.Trailer) *spec.Result {
	return &spec.Result{Body: io.NopCloser(body), FunctionError: t.FunctionError, Trailer: func() spec.Trailer { return t }}
}

// TestAWholeAnswerIsNotHeld: a clip of 192 MiB in one JSON document, as base64 of 256 MiB, becomes a file by way of the disk.
func TestAWholeAnswerIsNotHeld(t *testing.T) {
	const coded = 256 << 20
	unit := bytes.Repeat([]byte("YWFh"), 16<<10) // aaa
	var peak uint64
	r := newRig(t, func(context.Context, jobstest.Call) (*spec.Result, error) {
		body := io.MultiReader(bytes.NewReader([]byte(`{"statusCode":200,"isBase64Encoded":true,"headers":{"content-type":"video/mp4"},"body":"`)),
			&repeated{unit, coded}, bytes.NewReader([]byte(`"}`)), probe(func() {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = m.HeapAlloc
			}))
		return whole(body, spec.Trailer{}), nil
	})
	j := r.wait(r.submit("long").ID)
	if j.State != jobs.Completed || j.Result.Size != coded/4*3 || j.Result.ContentType != "video/mp4" {
		t.Fatalf("%+v %+v", j, j.Problem)
	}
	h := sha256.New()
	if _, err := io.Copy(h, base64.NewDecoder(base64.StdEncoding, &repeated{unit, coded})); err != nil {
		t.Fatal(err)
	}
	if want := hex.EncodeToString(h.Sum(nil)); j.Result.SHA256 != want {
		t.Errorf("the clip is another: %s, want %s", j.Result.SHA256, want)
	}
	if peak == 0 || peak > 96<<20 {
		t.Errorf("%d MiB are held of an answer of 256 MiB", peak>>20)
	}
}

// probe is an empty end of a stream that looks around when it is reached.
type probe func()

func (p probe) Read([]byte) (int, error) { p(); return 0, io.EOF }

// TestAWholeAnswersFailureIsTold: what Lambda calls a timeout would end the same way again.
func TestAWholeAnswersFailureIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		body     string
		trailer  spec.Trailer
		kind     string
		detail   string
		attempts int
	}{
		"its own": {`{"errorType":"ValueError","errorMessage":"no such seed"}`, spec.Trailer{FunctionError: "Unhandled", LogTail: []byte("at line 3")}, "function", "No such seed.", 3},
		"late": {`{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 3.00 seconds"}`,
			spec.Trailer{FunctionError: "Unhandled", ErrorType: "Sandbox.Timedout"}, "timeout", "Task timed out after 3.00 seconds.", 1},
		"another's timeout": {`{"errorType":"ConnectTimeoutError","errorMessage":"the database timed out"}`, spec.Trailer{FunctionError: "Unhandled"}, "function", "The database timed out.", 3},
	} {
		r := newRig(t, func(context.Context, jobstest.Call) (*spec.Result, error) {
			return whole(bytes.NewReader([]byte(tc.body)), tc.trailer), nil
		})
		j := r.wait(r.submit("x").ID)
		if j.Problem == nil || j.Problem.Kind != tc.kind || j.Problem.Detail != tc.detail || j.Attempts != tc.attempts || j.Problem.Log != string(tc.trailer.LogTail) {
			t.Errorf("%s: %d attempts, %+v", name, j.Attempts, j.Problem)
		}
	}
}
