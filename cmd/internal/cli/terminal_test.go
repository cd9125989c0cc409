package cli

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// terminal is a pseudo-terminal of so many columns: what a command writes to, and what has been written when it is closed.
func terminal(t *testing.T, columns uint16) (slave *os.File, written func() string) {
	t.Helper()
	master, slave := pseudoTerminal(t, columns)
	var b bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(&b, master) // EIO once the other side is closed
	}()
	return slave, func() string { slave.Close(); <-done; return b.String() }
}

var steering = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")

// TestPullOnATerminalOfFewColumns, which an interrupt leaves as it found it: on a line of its own, its cursor seen.
func TestPullOnATerminalOfFewColumns(t *testing.T) {
	for columns, want := range map[uint16][]string{60: {" left"}, 40: {"…"}} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) { holdPull(t, columns, want) })
	}
}

func holdPull(t *testing.T, columns uint16, and []string) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	half := bytes.Repeat([]byte("x"), 3<<20)
	path := "transformer/" + strings.Repeat("long-", 12) + "00001-of-00002.safetensors"
	began := make(chan struct{}, 9)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/revision/"):
			fmt.Fprintf(w, `{"sha":%q}`, commit)
		case strings.Contains(r.URL.Path, "/tree/"):
			fmt.Fprintf(w, `[{"type":"file","path":%q,"size":%d,"oid":"%x"}]`, path, 2*len(half), sha1.Sum(nil))
		default:
			w.Header().Set("Content-Length", fmt.Sprint(2*len(half)))
			for at := 0; at < len(half); at += 1 << 20 {
				w.Write(half[at : at+1<<20])
				w.(http.Flusher).Flush()
				time.Sleep(400 * time.Millisecond)
			}
			began <- struct{}{}
			<-r.Context().Done()
		}
	}))
	defer srv.Close()
	t.Setenv("HF_ENDPOINT", srv.URL)
	slave, written := terminal(t, columns)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	go func() {
		<-began
		time.Sleep(300 * time.Millisecond) // a drawing or two more
		interrupt()
	}()
	root := Root()
	root.SetOut(io.Discard)
	root.SetErr(slave)
	root.SetArgs([]string{"models", "pull", "o/m", "-o", filepath.Join(t.TempDir(), "m")})
	if err := root.ExecuteContext(ctx); err == nil {
		t.Error("an interrupted pull has succeeded")
	}
	log := written()
	for line := range strings.Lines(steering.ReplaceAllString(log, "")) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\r\n")); n > int(columns) {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	for _, want := range append(and, "total ", "/ 6.0 MiB", "MiB/s", "%") {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not shown: %q", want, log)
		}
	}
	if strings.LastIndex(log, "\x1b[?25l") > strings.LastIndex(log, "\x1b[?25h") {
		t.Error("the cursor stays hidden")
	}
	if !strings.HasSuffix(steering.ReplaceAllString(log, ""), "\n") {
		t.Errorf("the prompt would follow on the bar's line: %q", log[max(0, len(log)-200):])
	}
}

// TestJobBarOfFewColumns, with the longest words that it has.
func TestJobBarOfFewColumns(t *testing.T) {
	for _, columns := range []uint16{60, 40} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) { holdJobBar(t, columns) })
	}
}

func holdJobBar(t *testing.T, columns uint16) {
	slave, written := terminal(t, columns)
	b := newBar(slave)
	for _, e := range []client.Event{
		{Type: "queued", Data: []byte(`{"position":12,"eta_seconds":754,"reason":"another model has the accelerator, and its clips come first"}`)},
		{Type: "progress", Data: []byte(`{"phase":"denoise","step":3,"steps":50}`)},
		{Type: "progress", Data: []byte(`{"phase":"denoise","step":25,"steps":50}`)},
	} {
		b.show(e)
		time.Sleep(250 * time.Millisecond) // two drawings
	}
	b.close() // as an interrupt does
	log := written()
	for line := range strings.Lines(steering.ReplaceAllString(log, "")) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\r\n")); n > int(columns) {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	for _, want := range []string{"waiting, position 12", "denoise 25/50", "40%"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not shown: %q", want, log)
		}
	}
	if !strings.HasSuffix(steering.ReplaceAllString(log, ""), "\n") || strings.LastIndex(log, "\x1b[?25l") > strings.LastIndex(log, "\x1b[?25h") {
		t.Errorf("the terminal is not as it was: %q", log[max(0, len(log)-200):])
	}
}
