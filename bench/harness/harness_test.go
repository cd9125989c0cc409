package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSamplesGiveQuantiles(t *testing.T) {
	s := NewSamples()
	for i := 1; i <= 1000; i++ {
		s.Add(time.Duration(i) * time.Millisecond)
	}
	if s.N() != 1000 || s.Ms(50) < 499 || s.Ms(50) > 502 || s.Ms(99) < 989 || s.Ms(99) > 992 {
		t.Fatalf("n %d p50 %v p99 %v", s.N(), s.Ms(50), s.Ms(99))
	}
}

func TestRepeatDropsWarmupAndStopsAtErrors(t *testing.T) {
	s, err := Repeat(context.Background(), 3, 5, func(context.Context, int) error { return nil })
	if err != nil || s.N() != 5 {
		t.Fatalf("%v %v", s, err)
	}
	boom := errors.New("boom")
	if _, err := Repeat(context.Background(), 0, 5, func(context.Context, int) error { return boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
}

func TestFloodCallsEachOnceOrFails(t *testing.T) {
	var calls atomic.Int64
	s, rate, err := Flood(context.Background(), 4, 100, func(context.Context, int) error { calls.Add(1); return nil })
	if err != nil || s.N() != 100 || calls.Load() != 100 || rate <= 0 {
		t.Fatalf("%v calls, rate %v, %v", calls.Load(), rate, err)
	}
	boom := errors.New("boom")
	if _, _, err := Flood(context.Background(), 4, 100, func(context.Context, int) error { return boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
}

func TestReportEndsWithOneJSONLine(t *testing.T) {
	r := NewReport("x")
	r.Figure("warm_p50_ms", 0.25)
	r.Want("warm_p50_ms", "≤ 0.4")
	var b bytes.Buffer
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	var got Report
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
		t.Fatal(err)
	}
	if got.Bench != "x" || got.Commit == "" || got.Machine == "" || got.Figures["warm_p50_ms"] != 0.25 {
		t.Fatalf("%+v", got)
	}
}

func TestAPartialReportSaysThatItIs(t *testing.T) {
	r := NewReport("x")
	r.Figure("a_s", 1)
	r.Note("left out")
	var b bytes.Buffer
	if err := r.SoFar(&b); err != nil {
		t.Fatal(err)
	}
	var got Report
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Figures["a_s"] != 1 || len(got.Notes) != 2 || !strings.HasPrefix(got.Notes[1], "partial: ") || len(r.Notes) != 1 {
		t.Errorf("%+v, and then %v", got, r.Notes)
	}
}

// A shell script stands in for the binary: what is tested is the waiting, the address and the stop.
func TestStartWaitsForTheAddressAndStopCleansUp(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "serve")
	script := "#!/bin/sh\ntrap 'exit 0' TERM\necho starting\necho 'listening on http://127.0.0.1:1'\nwhile :; do sleep 0.02; done\n"
	if err := os.WriteFile(bin, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := Start(context.Background(), Options{Binary: bin})
	if err != nil {
		t.Fatal(err)
	}
	if s.URL != "http://127.0.0.1:1" || s.PID == 0 {
		t.Errorf("%+v", s)
	}
	if err := errors.Join(s.Stop(), s.Stop()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.Data); !os.IsNotExist(err) {
		t.Errorf("data is still there: %v", err)
	}
}

func TestStartReportsWhatAFailingServerSaid(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "serve")
	if err := os.WriteFile(bin, []byte("#!/bin/sh\necho no such driver\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Start(context.Background(), Options{Binary: bin})
	if err == nil || !strings.Contains(err.Error(), "no such driver") {
		t.Fatal(err)
	}
}

func TestQuotientsArePairs(t *testing.T) {
	over, under := NewSamples(), NewSamples()
	for _, ms := range []int{10, 200, 30} {
		over.Add(time.Duration(ms) * time.Millisecond)
		under.Add(time.Duration(ms) * time.Millisecond / 2)
	}
	over.Add(time.Second) // its pair was not made
	if q := Quotients(over, under); !slices.Equal(q, []float64{2, 2, 2}) {
		t.Errorf("got %v", q)
	}
}
