package daemon

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth/token/forge"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestReload takes up what may change and names the rest; what is wrong changes nothing.
func TestReload(t *testing.T) {
	words := filepath.Join(t.TempDir(), "words")
	write(t, words, "forbidden\n")
	g := newGuarded(t, func(c *Config) { c.DenyList, c.WebhookSecret = words, "whsec_YQ==" })
	refused := func(text string) bool {
		_, problem, err := (*g.p.vetted.Load())(t.Context(), "me", map[string]string{"prompt": text})
		if err != nil {
			t.Error(err)
		}
		return problem != ""
	}
	good := g.p.cfg
	if !refused("so forbidden") || refused("harmless") {
		t.Fatal("the list does not count")
	}
	write(t, words, "harmless\n")
	next := good
	next.LogLevel, next.LogsLimit, next.WebhookSecret, next.Listen, next.ClientQueued = "warn", 77<<20, "whsec_Yg== whsec_YQ==", "127.0.0.1:1", 5
	g.p.reload(t.Context(), func() (Config, error) { return next, nil })
	if refused("so forbidden") || !refused("harmless") {
		t.Error("the list is not read again")
	}
	if g.p.now().LogsLimit != 77<<20 || g.p.level.Level().String() != "WARN" || len(*g.p.hooks.Load()) != 2 {
		t.Errorf("%+v %v %q", g.p.now().LogsLimit, g.p.level.Level(), *g.p.hooks.Load())
	}
	if said := g.log.String(); !strings.Contains(said, "clientQueued") || !strings.Contains(said, "listen") || strings.Contains(said, "logsLimit") {
		t.Errorf("it does not say what needs a restart:\n%s", said)
	}
	write(t, words, "/(/\n")
	for name, again := range map[string]func() (Config, error){
		"a list that is none":      func() (Config, error) { return next, nil },
		"a file that cannot be":    func() (Config, error) { return good, errors.New("no file") },
		"a secret that is no such": func() (Config, error) { c := good; c.DenyList, c.WebhookSecret = "", "whsec_%"; return c, nil },
	} {
		g.p.reload(t.Context(), again)
		if !refused("harmless") || len(*g.p.hooks.Load()) != 2 || g.p.now().LogsLimit != 77<<20 {
			t.Errorf("%s changes something", name)
		}
	}
}

// TestAnIssuersKeyIsWithdrawnAtOnce by a reload, where a set behind an address is asked for every five minutes else.
func TestAnIssuersKeyIsWithdrawnAtOnce(t *testing.T) {
	set := forge.NewIssuer()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set.JWKS()) }))
	defer srv.Close()
	g := newGuarded(t, func(c *Config) { c.JWKS = srv.URL })
	old := set.Token("rsa", forge.Good(testIssuer, testAudience, "me", "read-all", time.Now()))
	ask := func(token string) int {
		code, _ := g.send(g.url, "GET", "/api/v1/functions", http.Header{"Authorization": {"Bearer " + token}})
		return code
	}
	if code := ask(old); code != http.StatusOK {
		t.Fatal(code)
	}
	set = forge.NewIssuer()
	g.p.reload(t.Context(), func() (Config, error) { return g.p.cfg, nil })
	if code := ask(old); code != http.StatusUnauthorized {
		t.Errorf("a token of the withdrawn key: %d", code)
	}
	if code := ask(set.Token("rsa", forge.Good(testIssuer, testAudience, "me", "read-all", time.Now()))); code != http.StatusOK {
		t.Errorf("a token of the new key: %d", code)
	}
}

// TestEverythingLiveIsASetting, and what a person is told of it.
func TestEverythingLiveIsASetting(t *testing.T) {
	names := EnvNames()
	for _, name := range live {
		if !slices.Contains(names, envName(name)) || !strings.Contains(Live(), name) {
			t.Errorf("%s is no setting, or nobody is told of it: %s", name, Live())
		}
	}
}
