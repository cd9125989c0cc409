package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
)

// TestAnEmptyListSaysTheNextStep: on standard error, where no script reads it, and with --json it is an empty list.
func TestAnEmptyListSaysTheNextStep(t *testing.T) {
	server, queue := newCLI(t, gatewaytest.Echo), jobServer(t, nil)
	here := func(args ...string) (string, string, error) { return runCLI(t, t.Context(), args...) }
	queued := func(args ...string) (string, string, error) { return here(append(args, "--server", queue)...) }
	dir := t.TempDir()
	backups := filepath.Join(dir, "backups")
	if err := os.MkdirAll(backups, 0o700); err != nil {
		t.Fatal(err)
	}
	for line, c := range map[string]struct {
		run  func(args ...string) (string, string, error)
		next string
	}{
		"ps":                                {server, "videosdgx generate PROMPT"},
		"ps --functions":                    {server, "videosdgx deploy FOLDER"},
		"jobs ls":                           {queued, "videosdgx generate PROMPT"},
		"jobs ls --state dead":              {queued, "without its filters 'videosdgx jobs ls' lists all"},
		"models ls --models " + dir:         {here, "videosdgx models --help"},
		"models lora ls --models " + dir:    {here, "videosdgx models lora inspect NAME"},
		"secrets ls --data " + dir:          {here, "videosdgx secrets set NAME"},
		"keys ls --file " + dir + "/k.json": {here, "videosdgx keys create"},
	} {
		out, errs, err := c.run(strings.Fields(line)...)
		if err != nil || out != "" || !strings.Contains(errs, c.next) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: %q, %q, %v", line, out, errs, err)
		}
		out, errs, err = c.run(append(strings.Fields(line), "--json")...)
		if err != nil || errs != "" || !json.Valid([]byte(out)) || !strings.Contains(out, "[]") {
			t.Errorf("%s --json: %q, %q, %v", line, out, errs, err)
		}
	}
}
