package daemon

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// TestARefusedRequestIsTracedByItsRoute goes through the whole plane: a collector gets what the server did, when it stops at
// the latest, and nothing of who was not let in.
func TestARefusedRequestIsTracedByItsRoute(t *testing.T) {
	var mu sync.Mutex
	var names []string
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var got collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(b, &got); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, rs := range got.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					names = append(names, s.Name)
				}
			}
		}
	}))
	defer sink.Close()
	t.Run("serve", func(t *testing.T) {
		g := newGuarded(t, func(c *Config) { c.Traces = sink.URL })
		for _, key := range []string{"", g.keys["manage"]} {
			req, _ := http.NewRequest("POST", g.url+"/v1/models/none/generate", bytes.NewReader([]byte(`{}`)))
			if key != "" {
				req.Header.Set("Authorization", "Bearer "+key)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if traced := resp.Header.Get("X-Amzn-Trace-Id") != ""; traced != (key != "") {
				t.Errorf("key %v, status %d: traced %v", key != "", resp.StatusCode, traced)
			}
		}
	})
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(names, ", "); got != "POST /v1/models/{model}/generate" {
		t.Errorf("the collector got %q", got)
	}
}

func TestWithoutACollectorNothingIsWrapped(t *testing.T) {
	p := &plane{}
	wrap, routed := p.traced(nil)
	h := http.NewServeMux()
	if wrap(h) != http.Handler(h) || routed != nil {
		t.Error("something is in the way")
	}
}
