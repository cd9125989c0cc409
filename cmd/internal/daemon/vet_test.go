package daemon

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/audit"
)

func TestTextsAreLookedAt(t *testing.T) {
	answer := `{"allow":true}`
	asked := 0
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Client string
			Texts  map[string]string
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Client != "alice" || q.Texts["prompt"] == "" {
			t.Errorf("%+v, %v", q, err)
		}
		asked++
		_, _ = w.Write([]byte(answer))
	}))
	defer hook.Close()
	list := filepath.Join(t.TempDir(), "deny")
	if err := os.WriteFile(list, []byte("bad thing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &plane{cfg: Config{PromptChars: 40, DenyList: list, Moderation: hook.URL}}
	vet, err := p.cfg.vet()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		texts  map[string]string
		answer string
		field  string
		says   string
		fails  bool
	}{
		{map[string]string{"prompt": "a circle"}, `{"allow":true}`, "", "", false},
		{map[string]string{"prompt": "a circle", "negative_prompt": "a BAD thing"}, `{"allow":true}`, "negative_prompt", "does not make", false},
		{map[string]string{"prompt": strings.Repeat("x", 41)}, `{"allow":true}`, "prompt", "41 characters", false},
		{map[string]string{"prompt": "a circle"}, `{"allow":false,"reason":"no circles"}`, "prompt", "no circles", false},
		{map[string]string{"prompt": "a circle"}, `{}`, "", "", true},
		{map[string]string{"prompt": "a circle"}, `oops`, "", "", true},
	} {
		answer = c.answer
		field, refusal, err := vet(t.Context(), "alice", c.texts)
		if errdefs.IsUnavailable(err) != c.fails || !strings.Contains(refusal, c.says) || (c.says == "") != (refusal == "") || refusal != "" && field != c.field {
			t.Errorf("%v with %s: %q %q %v", c.texts, c.answer, field, refusal, err)
		}
	}
	if asked != 4 {
		t.Errorf("asked %d times", asked)
	}
	hook.Close()
	if _, _, err := vet(t.Context(), "alice", map[string]string{"prompt": "x"}); !errdefs.IsUnavailable(err) {
		t.Errorf("while nobody answers: %v", err)
	}
}

// What changes something is written down with who did it, and so is who was refused.
func TestAuditLog(t *testing.T) {
	g := newGuarded(t)
	bearer := func(k string) http.Header { return http.Header{"Authorization": {"Bearer " + g.keys[k]}} }
	g.send(g.url, "DELETE", "/api/v1/functions/nothing", bearer("manage"))
	g.send(g.url, "DELETE", "/api/v1/functions/nothing", bearer("read"))
	g.send(g.url, "GET", "/v1/jobs", http.Header{})
	g.send(g.url, "GET", "/v1/jobs", bearer("read"))
	files, err := filepath.Glob(filepath.Join(g.p.cfg.Data, "audit", "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(b)) {
		var e audit.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.From == "" || e.ID == "" {
			t.Errorf("%s %v", line, err)
		}
		got = append(got, strings.Join([]string{e.Who, e.Method, e.Path, http.StatusText(e.Status)}, " "))
	}
	want := []string{"user-manage DELETE /api/v1/functions/nothing Not Found", "user-read DELETE /api/v1/functions/nothing Forbidden", " GET /v1/jobs Unauthorized"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q", got)
	}
	for _, k := range g.keys {
		if strings.Contains(string(b), k) {
			t.Error("the audit log holds a key")
		}
	}
}
