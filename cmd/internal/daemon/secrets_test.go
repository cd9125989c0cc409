package daemon

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hidden are the secrets of a function, by variable; no part of one is in a name.
var hidden = map[string]string{"IN_FILE": "4711-xyzzy-from-a-file", "IN_CREDENTIAL": "4711-xyzzy-from-systemd", "IN_STORE": "4711-xyzzy-from-the-store"}

const mark = "4711-xyzzy"

// TestSecretsAreNowhereElse gives a function three secrets, of each kind one, and looks for them everywhere: in every file of
// the data folder, in the command and the environment of every process, in the log, in answers; as it serves, and after a crash.
func TestSecretsAreNowhereElse(t *testing.T) {
	bin, safe := t.TempDir(), t.TempDir()
	build(t, filepath.Join(bin, "videosdgx-init"), "./cmd/videosdgx-init")
	build(t, filepath.Join(bin, "echo"), "./images/echo")
	for name, path := range map[string]string{"IN_FILE": "file", "IN_CREDENTIAL": "cred"} {
		if err := os.WriteFile(filepath.Join(safe, path), []byte(hidden[name]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", safe)
	sums := filepath.Join(safe, "sums")
	g := newGuarded(t, func(c *Config) {
		c.Init, c.SecretsDir = filepath.Join(bin, "videosdgx-init"), safe
		secrets := fmt.Sprintf(`"secrets":{"IN_FILE":"file:%s","IN_CREDENTIAL":"credential:cred","IN_STORE":"store:kept"},`, filepath.Join(safe, "file"))
		script := `for v in "$IN_FILE" "$IN_CREDENTIAL" "$IN_STORE"; do printf %s "$v" | sha256sum; done > ` + sums + `; exec ` + filepath.Join(bin, "echo")
		for name, text := range map[string]string{"keeper": secrets + fmt.Sprintf(`"command":["/bin/sh","-c",%q]`, script), "other": fmt.Sprintf(`"command":[%q]`, filepath.Join(bin, "echo"))} {
			folder := filepath.Join(c.Data, "functions", name)
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, "function.yaml"), []byte(`{"name":"`+name+`",`+text+`}`), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
	if err := g.p.cfg.Secrets().Store.Set("kept", hidden["IN_STORE"]); err != nil {
		t.Fatal(err)
	}
	key := http.Header{"Authorization": {"Bearer " + g.keys["manage"]}}
	for _, name := range []string{"other", "keeper"} {
		if code, body := g.send(g.url, "POST", "/2015-03-31/functions/"+name+"/invocations", key); code != 200 {
			t.Fatalf("%s: %d %s", name, code, body)
		}
	}
	b, err := os.ReadFile(sums)
	for _, v := range hidden {
		if sum := sha256.Sum256([]byte(v)); err != nil || !strings.Contains(string(b), hex.EncodeToString(sum[:])) {
			t.Fatalf("the function did not get %s: %s %v", v, b, err)
		}
	}
	pids := g.nowhere(key)
	if len(pids) == 0 {
		t.Fatal("the search does not even find the function itself")
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGSEGV); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); alive(pids); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it lives on")
		}
	}
	g.nowhere(key)
	if code, body := g.send(g.url, "POST", "/2015-03-31/functions/keeper/invocations", key); code != 200 {
		t.Errorf("after a crash: %d %s", code, body)
	}
	if err := os.Remove(filepath.Join(safe, "file")); err != nil {
		t.Fatal(err)
	}
}

// nowhere looks for the secrets, and gives the processes of the function that may have them.
func (g *guarded) nowhere(key http.Header) (own []int) {
	g.t.Helper()
	err := filepath.WalkDir(g.p.cfg.Data, func(at string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // it has gone
		}
		if b, err := os.ReadFile(at); err == nil && bytes.Contains(b, []byte(mark)) {
			g.t.Errorf("%s holds a secret", at)
		}
		return nil
	})
	if err != nil {
		g.t.Error(err)
	}
	if strings.Contains(g.log.String(), mark) {
		g.t.Error("the log holds a secret")
	}
	for _, path := range []string{"/api/v1/functions", "/api/v1/functions/keeper", "/api/v1/instances", "/api/v1/functions/keeper/logs", "/2015-03-31/functions/keeper", "/2015-03-31/functions/keeper/configuration", "/metrics"} {
		if _, body := g.send(g.url, "GET", path, key); strings.Contains(body, mark) {
			g.t.Errorf("%s answers with a secret", path)
		}
	}
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range processes {
		pid, _ := strconv.Atoi(filepath.Base(p))
		if b, _ := os.ReadFile(filepath.Join(p, "cmdline")); bytes.Contains(b, []byte(mark)) {
			g.t.Errorf("process %d was called with a secret: %q", pid, b)
		}
		if b, _ := os.ReadFile(filepath.Join(p, "environ")); bytes.Contains(b, []byte(mark)) {
			if !bytes.Contains(b, []byte("AWS_LAMBDA_FUNCTION_NAME=keeper")) {
				g.t.Errorf("process %d has a secret in its environment", pid)
				continue
			}
			own = append(own, pid)
		}
	}
	return own
}

func alive(pids []int) bool {
	for _, pid := range pids {
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && !bytes.Contains(b, []byte(") Z ")) {
			return true
		}
	}
	return false
}
