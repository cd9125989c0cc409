package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretsUnderEveryDriver: the function has its secret, and nothing else of the machine shows it: no file of the data
// folder, where a private containerd keeps its database and what it hands to runc, no process' arguments, no log and no list.
func TestSecretsUnderEveryDriver(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		const secret = "4711-xyzzy-of-one-function"
		safe := t.TempDir()
		file := filepath.Join(safe, "token")
		if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		h := newHome(t, driver)
		h.function("keeper", "echo", "secrets: {TOKEN: \"file:"+file+"\"}\n")
		h.function("other", "echo", "")
		s := h.serve(t, "--secrets-dir", safe)
		env := func(name string) string {
			return string(s.do(t, "POST", "/2015-03-31/functions/"+name+"/invocations", `{"env":true}`).want(t, 200).body)
		}
		if !strings.Contains(env("keeper"), secret) {
			t.Error("the function has not got its secret")
		}
		if strings.Contains(env("other"), secret) {
			t.Error("another function has it")
		}
		nowhere := func(when string) {
			t.Helper()
			err := filepath.WalkDir(h.data, func(at string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return nil //nolint:nilerr // it has gone
				}
				if b, err := os.ReadFile(at); err == nil && bytes.Contains(b, []byte(secret)) {
					t.Errorf("%s: %s holds the secret", when, at)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, at := range lines {
				if b, _ := os.ReadFile(at); bytes.Contains(b, []byte(secret)) {
					t.Errorf("%s: %s shows the secret", when, at)
				}
			}
			for _, path := range []string{"/api/v1/functions/keeper", "/api/v1/instances", "/2015-03-31/functions/keeper", "/api/v1/functions/keeper/logs"} {
				if bytes.Contains(s.do(t, "GET", path, "").body, []byte(secret)) {
					t.Errorf("%s: %s answers with the secret", when, path)
				}
			}
			if strings.Contains(s.log.String(), secret) {
				t.Errorf("%s: the log has the secret", when)
			}
		}
		nowhere("while it serves")
		s.do(t, "POST", "/2015-03-31/functions/keeper/invocations", `{"panic":"on purpose"}`).want(t, 200)
		nowhere("after a crash")
		s.kill()
		s = h.serve(t, "--secrets-dir", safe)
		if !strings.Contains(env("keeper"), secret) {
			t.Error("after a kill of the server the function has not got its secret")
		}
		nowhere("after a kill of the server")
	})
}
