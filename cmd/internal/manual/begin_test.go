package manual

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/images/builder"
	"github.com/videosdgx/videosdgx/runtime/registry"
)

// TestEveryBeginningIsAFunction: manifest and recipe are taken, and nothing that is there is overwritten.
func TestEveryBeginningIsAFunction(t *testing.T) {
	for _, language := range Languages {
		dir := filepath.Join(t.TempDir(), "hello")
		if _, err := Begin(dir, language); err != nil {
			t.Fatal(err)
		}
		if fn, err := registry.Read(filepath.Join(dir, "function.yaml")); err != nil || fn.Name != "hello" {
			t.Errorf("%s: %+v, %v", language, fn, err)
		}
		if language != "image" {
			if r, err := builder.ReadRecipe(dir); err != nil || r.Name != "hello:latest" {
				t.Errorf("%s: %+v, %v", language, r, err)
			}
		}
		if _, err := Begin(dir, language); err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Errorf("%s: begun twice: %v", language, err)
		}
	}
	if _, err := Begin(filepath.Join(t.TempDir(), "no name"), "go"); err == nil {
		t.Error("a folder whose name is none was taken")
	}
	if _, err := Begin(filepath.Join(t.TempDir(), "x"), "cobol"); err == nil || !strings.Contains(err.Error(), "python") {
		t.Error(err)
	}
}

// TestBeginningsAnswer runs them under a Runtime API of one event that is right and one that is not.
func TestBeginningsAnswer(t *testing.T) {
	for language, needs := range map[string]string{"node": "node", "python": "python3", "go": "go"} {
		t.Run(language, func(t *testing.T) {
			if _, err := exec.LookPath(needs); err != nil && language == "python" {
				t.Skip("no Python on this machine; nothing that the tests need brings one")
			}
			dir := filepath.Join(t.TempDir(), "hello")
			if _, err := Begin(dir, language); err != nil {
				t.Fatal(err)
			}
			if language == "go" {
				build(t, dir)
			}
			for event, want := range map[string]string{`{"name":"Ana"}`: `/response {"hello":"Ana"}`, `[]`: "/error {"} {
				if got := answer(t, filepath.Join(dir, "bootstrap"), event); !strings.HasPrefix(strings.ReplaceAll(got, ": ", ":"), want) && !(language == "node" && event == "[]") {
					t.Errorf("%s answers %s, want %s", event, got, want)
				}
			}
		})
	}
}

// build compiles the Go beginning with what this module requires: tests have no network for another one.
func build(t *testing.T, dir string) {
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "bootstrap"), filepath.Join(dir, "main.go"))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// answer gives a function one event, and what it posted.
func answer(t *testing.T, program, event string) string {
	got, served := make(chan string, 2), false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet && !served:
			served = true
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			io.WriteString(w, event)
		case r.Method == http.MethodGet:
			<-r.Context().Done()
		default:
			b, _ := io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
			got <- strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime/invocation/1") + " " + strings.TrimSpace(string(b))
		}
	}))
	defer srv.Close()
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(srv.URL, "http://"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait(); srv.CloseClientConnections() }()
	select {
	case s := <-got:
		return s
	case <-time.After(30 * time.Second):
		return "nothing"
	}
}

// TestPrintedIsLoggedAtOnce: a function that waits for its next event has what it printed for the last one in its log.
func TestPrintedIsLoggedAtOnce(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no Python on this machine; nothing that the tests need brings one")
	}
	dir := filepath.Join(t.TempDir(), "hello")
	if _, err := Begin(dir, "python"); err != nil {
		t.Fatal(err)
	}
	handler := "def handler(event, request_id):\n    print('seen')\n    import os\n    return os.path.getsize('log')\n"
	if err := os.WriteFile(filepath.Join(dir, "handler.py"), []byte(handler), 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "run")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ncd "+dir+" && exec ./bootstrap >log\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	if got := answer(t, script, "{}"); got != "/response 5" {
		t.Errorf("5 bytes printed, the handler answers %s for what its log holds", got)
	}
}
