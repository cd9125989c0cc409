package cli

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestClientReadsEveryErrorShape(t *testing.T) {
	for body, want := range map[string]string{
		`{"Type":"User","Message":"Function not found: x"}`: "Function not found: x",
		`{"message":"no such job"}`:                         "no such job",
		`{"error":"queue full"}`:                            "queue full",
		`{"error":{"type":"busy","message":"later"}}`:       "later",
		`plain`: "404 Not Found plain",
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			w.Write([]byte(body))
		}))
		c, err := dialServer(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		err = c.call(context.Background(), http.MethodGet, "/x", nil, nil)
		var se *serverError
		if !errors.As(err, &se) || se.Message != want || se.Status != http.StatusNotFound {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
		srv.Close()
	}
}

func TestClientSaysWhatToDoWithoutServer(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	c, _ := dialServer(srv.URL)
	err := c.call(context.Background(), http.MethodGet, "/x", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "videosdgx serve") {
		t.Fatalf("got %v", err)
	}
}

func TestDialServerRefusesWhatIsNoAddress(t *testing.T) {
	for _, bad := range []string{"", "ftp://x", "http://"} {
		if _, err := dialServer(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if c, err := dialServer("box:9000"); err != nil || c.base.String() != "http://box:9000" {
		t.Errorf("box:9000: %v %v", c, err)
	}
}

// TestATableCannotSteerTheTerminal: a prompt is anybody's text. What only looks unusual stays.
func TestATableCannotSteerTheTerminal(t *testing.T) {
	var b strings.Builder
	if err := table(&b, []string{"prompt"}, [][]string{{"a\x1b[31mred\u009b\u202egnp\tb\nc"}, {"família 👨\u200d👩\u200d👧 ação"}}); err != nil {
		t.Fatal(err)
	}
	if want := "PROMPT\na\ufffd[31mred\ufffd\ufffdgnp b c\nfamília 👨\u200d👩\u200d👧 ação\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestTableAndSpan(t *testing.T) {
	var b bytes.Buffer
	if err := table(&b, []string{"name", "n"}, [][]string{{"wan21", "3"}}); err != nil {
		t.Fatal(err)
	}
	if want := "NAME   N\nwan21  3\n"; b.String() != want {
		t.Errorf("table %q, want %q", b.String(), want)
	}
	for d, want := range map[time.Duration]string{0: "-", 1234 * time.Microsecond: "1ms", 90 * time.Second: "1m30s", 2 * time.Hour: "2h", 125 * time.Minute: "2h5m"} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}
