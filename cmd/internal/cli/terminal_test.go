package cli

import (
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/videosdgx/videosdgx/internal/logtest"
	"github.com/videosdgx/videosdgx/runtime/client"
)

// screen is what a pseudo-terminal was sent.
type screen struct{ logtest.Log }

// terminal is a pseudo-terminal of so many columns: what a command writes to, what it shows, and what has been written when it is closed.
func terminal(t *testing.T, columns uint16) (slave *os.File, shown *screen, written func() string) {
	t.Helper()
	master, slave := pseudoTerminal(t, columns)
	shown = &screen{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(shown, master) // EIO once the other side is closed
	}()
	return slave, shown, func() string { slave.Close(); <-done; return shown.String() }
}

// await returns when each of the words was shown, or when they might have been for long: who looks at all of it then says which is missing.
func (s *screen) await(words ...string) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		log := s.String()
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(log, w) }) {
			return
		}
	}
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
	const size, second = 9 << 20, 3 << 19 // bytes: six seconds of it, the last of which never comes
	path := "transformer/" + strings.Repeat("long-", 12) + "00001-of-00002.safetensors"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/revision/"):
			fmt.Fprintf(w, `{"sha":%q}`, commit)
		case strings.Contains(r.URL.Path, "/tree/"):
			fmt.Fprintf(w, `[{"type":"file","path":%q,"size":%d,"oid":"%x"}]`, path, size, sha1.Sum(nil))
		default:
			w.Header().Set("Content-Length", fmt.Sprint(size))
			began, sent := time.Now(), 0
			for r.Context().Err() == nil {
				due := min(int(time.Since(began).Seconds()*second), size-1)
				w.Write(make([]byte, due-sent))
				w.(http.Flusher).Flush()
				sent = due
				time.Sleep(20 * time.Millisecond)
			}
		}
	}))
	defer srv.Close()
	t.Setenv("HF_ENDPOINT", srv.URL)
	slave, shown, written := terminal(t, columns)
	wanted := append(and, "total ", "/ 9.0 MiB", "MiB/", "%")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	go func() { shown.await(wanted...); interrupt() }()
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
	for _, want := range wanted {
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
	slave, shown, written := terminal(t, columns)
	b := newBar(slave)
	for _, e := range []struct{ kind, data, words, share string }{
		{"queued", `{"position":12,"eta_seconds":754,"reason":"another model has the accelerator, and its clips come first"}`, "waiting, position 12", ""},
		{"progress", `{"phase":"denoise","step":3,"steps":50}`, "denoise 3/50", "%"},
		{"progress", `{"phase":"denoise","step":25,"steps":50}`, "denoise 25/50", "40%"},
	} {
		b.show(client.Event{Type: e.kind, Data: []byte(e.data)})
		shown.await(e.words, e.share)
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
