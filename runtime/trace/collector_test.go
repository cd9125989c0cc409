package trace

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// sink is a collector that keeps what it gets, by both protocols.
type sink struct {
	collector.UnimplementedTraceServiceServer
	mu      sync.Mutex
	spans   []*otlp.Span
	service []string // attributes of who sent them
	header  string   // that came along as x-token
}

func (s *sink) take(r *collector.ExportTraceServiceRequest, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.header = token
	for _, rs := range r.ResourceSpans {
		for _, a := range rs.Resource.Attributes {
			s.service = append(s.service, a.Key+"="+a.Value.GetStringValue())
		}
		for _, ss := range rs.ScopeSpans {
			s.spans = append(s.spans, ss.Spans...)
		}
	}
}

// Export implements OTLP's service over gRPC.
func (s *sink) Export(ctx context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	s.take(r, cmp.Or(append(md.Get("x-token"), "")...))
	return &collector.ExportTraceServiceResponse{}, nil
}

func overHTTPSink(t *testing.T) (*sink, string) {
	s := &sink{}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		req := &collector.ExportTraceServiceRequest{}
		if err == nil {
			err = proto.Unmarshal(b, req)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %s: %v", r.URL.Path, r.Header.Get("Content-Type"), err)
		}
		s.take(req, r.Header.Get("X-Token"))
	}))
	t.Cleanup(h.Close)
	return s, h.URL
}

func overGRPCSink(t *testing.T) (*sink, string) {
	s := &sink{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	collector.RegisterTraceServiceServer(g, s)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	return s, "grpc://" + l.Addr().String()
}

// open gives a tracer that sends to the collector at address.
func open(t *testing.T, o Options, env map[string]string) *Tracer {
	t.Helper()
	for k, v := range env {
		t.Setenv(k, v)
	}
	tr, err := Open(t.Context(), o, func(name string) string { return env[name] })
	if err != nil || tr == nil {
		t.Fatalf("%v %v", tr, err)
	}
	return tr
}

// named gives the one span of a name.
func (s *sink) named(t *testing.T, name string) *otlp.Span {
	t.Helper()
	i := slices.IndexFunc(s.spans, func(p *otlp.Span) bool { return p.Name == name })
	if i < 0 {
		var names []string
		for _, p := range s.spans {
			names = append(names, p.Name)
		}
		t.Fatalf("no span is called %q: %q", name, names)
	}
	return s.spans[i]
}
