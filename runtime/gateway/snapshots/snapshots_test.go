package snapshots

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWithoutSnapshotsTheReasonIsTold(t *testing.T) {
	mux := http.NewServeMux()
	(&API{Off: "the process driver has none"}).Register(mux)
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/api/v1/snapshots", nil),
		httptest.NewRequest(http.MethodPost, "/api/v1/functions/f/snapshots", nil),
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != http.StatusNotImplemented || !strings.Contains(w.Body.String(), "the process driver has none") {
			t.Errorf("%s %s: %d %s", r.Method, r.URL, w.Code, w.Body)
		}
	}
}
