package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/videosdgx/videosdgx/internal/logtest"
	"github.com/videosdgx/videosdgx/internal/porttest"
)

// runTool runs one of Prometheus' servers until the test's end, and gives its address once it is ready.
func runTool(t *testing.T, tools, name string, args ...string) (addr string) {
	t.Helper()
	addr = "127.0.0.1:" + porttest.Free(t)
	log := &logtest.Log{}
	cmd := exec.Command(filepath.Join(tools, name), append(args, "--web.listen-address", addr)...)
	cmd.Stderr, cmd.Stdout = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, lastOf(log.String(), 3000))
		}
	})
	until(t, name+" is ready", func() bool {
		resp, err := http.Get("http://" + addr + "/-/ready")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
	return addr
}

// alerted is a running Alertmanager and what it has told its receiver, by the alerts' names.
type alerted struct {
	addr string

	mu    sync.Mutex
	heard map[string]string
}

// startAlertmanager runs one that tells everything to this test.
func startAlertmanager(t *testing.T, tools string) *alerted {
	t.Helper()
	a, dir := &alerted{heard: map[string]string{}}, t.TempDir()
	receiver := httptest.NewServer(a)
	t.Cleanup(receiver.Close)
	file := filepath.Join(dir, "alertmanager.yml")
	conf := fmt.Sprintf("route: {receiver: all, group_by: [alertname], group_wait: 0s}\nreceivers: [{name: all, webhook_configs: [{url: %q}]}]\n", receiver.URL)
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(tools, "amtool"), "check-config", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	a.addr = runTool(t, tools, "alertmanager", "--config.file", file, "--storage.path", filepath.Join(dir, "data"), "--cluster.listen-address", "")
	return a
}

// ServeHTTP takes what Alertmanager tells.
func (a *alerted) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var told struct {
		Alerts []struct{ Labels, Annotations map[string]string }
	}
	if json.NewDecoder(r.Body).Decode(&told) != nil {
		return // then nothing is heard
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range told.Alerts {
		a.heard[one.Labels["alertname"]] = fmt.Sprint(one.Labels, one.Annotations)
	}
}

// hear waits for an alert, whose labels and annotations have these texts.
func (a *alerted) hear(t *testing.T, name string, texts ...string) {
	t.Helper()
	said := ""
	until(t, "the receiver hears of "+name, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		said = a.heard[name]
		return said != ""
	})
	says(t, said, texts...)
	if strings.Contains(said, "{{") || strings.Contains(said, "<error") {
		t.Errorf("a template is not filled in: %s", said)
	}
}
