package cli

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/admin"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
)

// TestModelsLsLooksWhereTheServerHasThem, which stands behind what the caller names and before the default.
func TestModelsLsLooksWhereTheServerHasThem(t *testing.T) {
	t.Setenv("VIDEOSDGX_MODELS", "")
	t.Setenv("VIDEOSDGX_DATA", filepath.Join(t.TempDir(), "data"))
	servers, named := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(servers, "tiny"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(servers, "tiny", "bundle.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := &gatewaytest.Catalog{}
	srv := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{
		admin.New(admin.Options{Functions: c, Instances: fleet{c}, Version: admin.Version{Models: servers}}),
	}}).Handler())
	defer srv.Close()
	for _, want := range []struct {
		args   []string
		env    string
		folder string
		lists  bool
	}{
		{[]string{"--server", srv.URL}, "", servers, true},
		{[]string{"--server", srv.URL, "--models", named}, "", named, false},
		{[]string{"--server", srv.URL}, named, named, false},
		{[]string{"--server", "http://127.0.0.1:1"}, "", defaultModels(), false},
		{[]string{"--server", "unix:///nowhere/api.sock"}, "", defaultModels(), false},
	} {
		t.Setenv("VIDEOSDGX_MODELS", want.env)
		root := Root()
		var out, errs bytes.Buffer
		root.SetOut(&out)
		root.SetErr(&errs)
		root.SetArgs(append([]string{"models", "ls"}, want.args...))
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Errorf("%v: %v", want.args, err)
		}
		if !strings.HasPrefix(errs.String(), "models in "+want.folder) || strings.Contains(out.String(), "tiny") != want.lists {
			t.Errorf("%v, %q: %s%s", want.args, want.env, errs.String(), out.String())
		}
	}
}

func TestHere(t *testing.T) {
	for addr, want := range map[string]bool{
		"http://127.0.0.1:9000": true, "localhost:9000": true, "http://[::1]:9000": true, "unix:///run/v.sock": true,
		"http://192.0.2.7:9000": false, "https://gpu.example": false,
	} {
		c, err := client.New(client.Options{Server: addr})
		if err != nil || here(c) != want {
			t.Errorf("%s: %v, %v", addr, !want, err)
		}
	}
}
