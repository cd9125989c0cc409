package daemon

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// What is refused of a job is refused of a call, by whatever way it comes to a model's function; other functions take any text.
func TestCallsOfModelsAreLookedAt(t *testing.T) {
	list := filepath.Join(t.TempDir(), "deny")
	if err := os.WriteFile(list, []byte("bad thing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := newGuarded(t, func(c *Config) { c.DenyList, c.ModelHost = list, "none" })
	bundle := filepath.Join(t.TempDir(), "bundle")
	if err := os.Mkdir(bundle, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := weights.Seal(t.Context(), bundle, weights.Manifest{Family: "f", Name: "n"}, nil); err != nil {
		t.Fatal(err)
	}
	manage := http.Header{"Authorization": {"Bearer " + g.keys["manage"]}, "Content-Type": {"application/json"}}
	for name, model := range map[string]any{"m": map[string]any{"name": "m", "bundle": bundle}, "plain": nil} {
		manifest, err := json.Marshal(map[string]any{"name": name, "command": []string{"/bin/false"}, "snapshot": "off", "model": model})
		if err != nil {
			t.Fatal(err)
		}
		if status, b := g.post("PUT", "/api/v1/functions/"+name, manage, string(manifest)); status >= 300 {
			t.Fatalf("%s: %d %s", name, status, b)
		}
	}
	bad, fine := `{"prompt":"a BAD thing"}`, `{"prompt":"a circle"}`
	event := func(body string, base bool) string {
		if base {
			body = base64.StdEncoding.EncodeToString([]byte(body))
		}
		b, _ := json.Marshal(map[string]any{"body": body, "isBase64Encoded": base, "requestContext": map[string]any{"http": map[string]any{"method": "POST"}}})
		return string(b)
	}
	invoke := http.Header{"Authorization": {"Bearer " + g.keys["invoke"]}, "Content-Type": {"application/json"}}
	later := invoke.Clone()
	later.Set("X-Amz-Invocation-Type", "Event")
	for name, c := range map[string]struct {
		path   string
		header http.Header
		body   string
		taken  bool
	}{
		"a URL":                {"/fn/m/", invoke, bad, false},
		"Invoke":               {"/2015-03-31/functions/m/invocations", invoke, bad, false},
		"a URL's event":        {"/2015-03-31/functions/m/invocations", invoke, event(bad, false), false},
		"the same in base64":   {"/2015-03-31/functions/m/invocations", invoke, event(bad, true), false},
		"later":                {"/2015-03-31/functions/m/invocations", later, bad, false},
		"as a stream":          {"/2021-11-15/functions/m/response-streaming-invocations", invoke, bad, false},
		"what nobody sees":     {"/fn/m/", invoke, "{\"prompt\":\"a\u202eb\"}", false},
		"another text":         {"/fn/m/", invoke, fine, true},
		"a function, no model": {"/fn/plain/", invoke, bad, true},
	} {
		status, b := g.post("POST", c.path, c.header, c.body)
		if refused := status == http.StatusBadRequest && strings.Contains(b, "prompt has "); refused == c.taken {
			t.Errorf("%s: %d %s", name, status, b)
		}
	}
}

func (g *guarded) post(method, path string, h http.Header, body string) (int, string) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header = h.Clone()
	return g.answer(req)
}
