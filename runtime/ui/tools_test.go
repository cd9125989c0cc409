package ui_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// checkSnippet runs what the page gives to copy, where the tool is here, and looks for the clip.
func checkSnippet(t *testing.T, r *rig, tool, text string) {
	t.Helper()
	dir := t.TempDir()
	var cmd *exec.Cmd
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	switch tool {
	case "curl":
		cmd = exec.CommandContext(ctx, "sh", "-c", text)
	case "Python":
		cmd = exec.CommandContext(ctx, "python3", "-c", text)
	default:
		if out, err := exec.CommandContext(ctx, "sh", "-n", "-c", text).CombinedOutput(); err != nil {
			t.Errorf("the shell does not understand it: %v %s\n%s", err, out, text)
		}
		return
	}
	if body := regexp.MustCompile(`-d '(.*)' -o`).FindString(text); tool == "curl" && (body == "" || strings.Contains(body, `\\`)) { // two of them in quotes are one to fish
		t.Errorf("shells read this differently: %s", text)
	}
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v %s\n%s", tool, err, out, text)
		return
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "clip.mp4")); !strings.Contains(string(b[:min(len(b), 64)]), "ftyp") {
		t.Errorf("%s made no clip: %.100q", tool, b)
	}
	calls := r.calls.Calls()
	if got := calls[len(calls)-1].Request.Prompt; got != theRequest {
		t.Errorf("%s sent the prompt %q", tool, got)
	}
}

// gate cuts every connection while it is shut.
type gate struct {
	mu   sync.Mutex
	down bool
	cut  chan struct{}
	last string
}

func newGate() *gate { return &gate{cut: make(chan struct{})} }

func (g *gate) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		down, cut := g.down, g.cut
		if id := r.Header.Get("Last-Event-ID"); id != "" {
			g.last = id
		}
		g.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler)
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		go func() {
			select {
			case <-cut:
				cancel()
			case <-ctx.Done():
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (g *gate) shut() { g.mu.Lock(); g.down = true; close(g.cut); g.mu.Unlock() }

func (g *gate) open() { g.mu.Lock(); g.down, g.cut = false, make(chan struct{}); g.mu.Unlock() }

func (g *gate) resumed() string { g.mu.Lock(); defer g.mu.Unlock(); return g.last }

func contains(all, part string) bool { return strings.Contains(all, part) }
