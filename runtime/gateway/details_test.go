package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestProblemDetails: type, title, status, detail and instance as RFC 9457 has them, whatever the error's class.
func TestProblemDetails(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		kind   string
		detail string
		after  string
	}{
		{fmt.Errorf("there is no such thing: %w", errdefs.ErrNotFound), 404, "/problems/not-found", "there is no such thing", ""},
		{fmt.Errorf("name it (%w)", errdefs.ErrInvalidArgument), 400, "/problems/invalid-request", "name it", ""},
		{errors.New("the file says: not found"), 500, "/problems/internal", "the file says: not found", ""},
		{fmt.Errorf("the disk said: not found: %w", errdefs.ErrUnavailable), 503, "/problems/unavailable", "the disk said: not found", ""},
		{fmt.Errorf("not here: %w", errdefs.ErrNotImplemented), 501, "/problems/not-implemented", "not here", ""},
		{fmt.Errorf("another state: %w", errdefs.ErrFailedPrecondition), 412, "/problems/precondition-failed", "another state", ""},
		{&spec.RetryError{Err: fmt.Errorf("busy: %w", errdefs.ErrResourceExhausted), After: 1500 * time.Millisecond}, 429, "/problems/too-many", "busy", "2"},
	} {
		w := httptest.NewRecorder()
		gateway.WriteDetails(w, httptest.NewRequest("GET", "/api/v1/functions/x", nil), c.err)
		var got gateway.Details
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if w.Code != c.status || got.Status != c.status || got.Type != c.kind || got.Detail != c.detail || got.Message != c.detail || got.Title == "" ||
			got.Instance != "/api/v1/functions/x" || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Retry-After") != c.after || w.Header().Get("X-Amzn-Errortype") == "" {
			t.Errorf("%v: %d %+v %v", c.err, w.Code, got, w.Header())
		}
	}
}
