package daemon

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/events/webhook"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// get gives what a path answers.
func (g *guarded) get(path string, h http.Header) []byte {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), "GET", g.url+path, http.NoBody)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header = h.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		g.t.Fatalf("%s: %s %s %v", path, resp.Status, b, err)
	}
	return b
}

// TestStorageIsTold by the API and the metrics, at 95 % and at the limit, and nothing more is pulled then.
func TestStorageIsTold(t *testing.T) {
	g := newGuarded(t, func(c *Config) {
		c.Models = filepath.Join(c.Data, "models")
		c.ModelsLimit, c.LogsLimit = 1<<20, 2<<20
	})
	if err := g.p.unwatchDisk(t.Context()); err != nil { // the test looks, and nobody else
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(g.p.cfg.Data, name) }
	fill := func(name string, size int) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(in(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, in(name), strings.Repeat("x", size))
		g.p.measured.mu.Lock()
		defer g.p.measured.mu.Unlock()
		g.p.measured.at = time.Now().Add(-2 * looked)
	}
	manage := http.Header{"Authorization": {"Bearer " + g.keys["manage"]}}
	level := func(kind string) (s spec.Storage) {
		t.Helper()
		resp := g.get("/api/v1/storage", manage)
		var out struct{ Storage []spec.Storage }
		if err := json.Unmarshal(resp, &out); err != nil {
			t.Fatalf("%s: %v", resp, err)
		}
		i := slices.IndexFunc(out.Storage, func(s spec.Storage) bool { return s.Kind == kind })
		if i < 0 {
			t.Fatalf("no %s in %s", kind, resp)
		}
		return out.Storage[i]
	}
	pull := func() (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), "POST", g.url+"/api/v1/tasks", strings.NewReader(`{"kind":"build","checkpoint":"none"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = manage.Clone()
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	if s := level("models"); s.Level != "ok" || s.Limit != 1<<20 || s.Size <= 0 || s.Free <= 0 {
		t.Errorf("%+v", s)
	}
	if code, said := pull(); code != http.StatusNotFound {
		t.Errorf("%d %s", code, said)
	}
	fill("models/m/weights", 500<<10)
	fill("models/derived/d/weights", 900<<10) // these have a limit of their own
	fill("checkpoints/c/weights", 480<<10)
	if s := level("models"); s.Level != "tight" {
		t.Errorf("at 95 %%: %+v", s)
	}
	g.p.sayStorage()
	fill("checkpoints/none/weights", 50<<10)
	if s := level("models"); s.Level != "full" || s.Then == "" {
		t.Errorf("at the limit: %+v", s)
	}
	g.p.sayStorage()
	if n := strings.Count(g.log.String(), "kind=models"); n != 2 {
		t.Errorf("the log was told %d times, not once at 95 %% and once at the limit:\n%s", n, g.log.String())
	}
	if code, said := pull(); code != http.StatusInsufficientStorage || !strings.Contains(said, "modelsLimit") {
		t.Errorf("%d %s", code, said)
	}
	text := string(g.get("/metrics", manage))
	for _, want := range []string{`videosdgx_storage_bytes{kind="models"} 1.0`, `videosdgx_storage_limit_bytes{kind="models"} 1.048576e+06`, `videosdgx_storage_limit_bytes{kind="logs"} 2.097152e+06`, `videosdgx_storage_bytes{kind="audit"}`} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics do not say %s", want)
		}
	}
	if strings.Contains(text, `videosdgx_storage_limit_bytes{kind="audit"}`) {
		t.Error("the metrics tell of a limit that is none")
	}
}

// TestLogsAreHeldToTheirLimit by what looks at the disks.
func TestLogsAreHeldToTheirLimit(t *testing.T) {
	g := newGuarded(t, func(c *Config) { c.LogsLimit = 1 << 20 })
	old := time.Now().AddDate(0, 0, -40)
	for _, name := range []string{"gone/1.log", "f/2.log"} {
		path := filepath.Join(g.p.cfg.Data, "logs", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, path, strings.Repeat("x", 800<<10))
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		old = old.AddDate(0, 0, 20)
	}
	c := g.p.cfg
	c.KeepLogs = 0
	g.p.fresh.Store(&c)
	g.p.keepLogs()
	if left, _ := filepath.Glob(filepath.Join(g.p.cfg.Data, "logs", "*", "*")); len(left) != 1 || !strings.HasSuffix(left[0], "f/2.log") {
		t.Errorf("of two, 1.6 MiB together, the older does not go: %v", left)
	}
	c.KeepLogs = spec.Duration(24 * 3600e9)
	g.p.fresh.Store(&c)
	g.p.keepLogs()
	if left, _ := filepath.Glob(filepath.Join(g.p.cfg.Data, "logs", "*", "*")); len(left) != 0 {
		t.Errorf("a log of 20 days ago is kept for a day: %v", left)
	}
}

// TestWhatIsTheServersOwnIsNotMounted: every file that it keeps in its data folder, those of later versions too.
func TestWhatIsTheServersOwnIsNotMounted(t *testing.T) {
	g := newGuarded(t, func(c *Config) { c.SecretsKey = filepath.Join(c.Data, "secrets.key"); c.Audit = "on" })
	if err := g.p.cfg.Secrets().Store.Set("a", "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := webhook.KeepSecret(filepath.Join(g.p.cfg.Data, "webhook.key")); err != nil {
		t.Fatal(err)
	}
	roots := g.p.mountRoots()
	entries, err := os.ReadDir(g.p.cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, e := range entries {
		if e.Name() == "init" { // the test's own
			continue
		}
		seen++
		fn := spec.Function{Name: "f", Dir: filepath.Join(g.p.cfg.Functions, "f")}
		if _, _, err := roots.Allowed(&fn, spec.Mount{Source: filepath.Join(g.p.cfg.Data, e.Name()), Target: "/x", Writable: true}); err == nil {
			t.Errorf("a function may mount %s and change it", e.Name())
		}
		for _, secret := range []string{"keys.json", "secrets.key", "secrets.age", "webhook.key", "audit", "jwks.json"} {
			if _, _, err := roots.Allowed(&fn, spec.Mount{Source: filepath.Join(g.p.cfg.Data, secret), Target: "/x"}); err == nil {
				t.Errorf("a function may read %s", secret)
			}
		}
	}
	if seen < 12 {
		t.Errorf("only %d entries were looked at", seen)
	}
}

// TestTheProxysWordCounts for the audit log and the cookie, and a stranger's does not.
func TestTheProxysWordCounts(t *testing.T) {
	g := newGuarded(t, func(c *Config) { c.Proxies, c.Audit = "127.0.0.1", "on" })
	through := http.Header{"X-Forwarded-For": {"10.0.0.1, 203.0.113.9"}, "X-Forwarded-Proto": {"https"}}
	if code, said := g.send(g.url, "DELETE", "/api/v1/functions/nothing", through); code != http.StatusUnauthorized {
		t.Errorf("%d %s", code, said)
	}
	files, _ := filepath.Glob(filepath.Join(g.p.cfg.Data, "audit", "*.jsonl"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	if b, err := os.ReadFile(files[0]); err != nil || !strings.Contains(string(b), `"from":"203.0.113.9:0"`) {
		t.Errorf("%s %v", b, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", g.url+"/api/v1/session", strings.NewReader(`{"key":"`+g.keys["read"]+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = through.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if c := resp.Cookies(); len(c) != 1 || !c[0].Secure {
		t.Errorf("a cookie for a client of TLS: %v", c)
	}
}
