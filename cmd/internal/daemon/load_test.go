package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func load(t *testing.T, file string, env map[string]string, args ...string) (Config, error) {
	t.Helper()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	AddFlags(fs)
	if file != "" {
		path := filepath.Join(t.TempDir(), "videosdgx.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return Load(fs, func(k string) string { return env[k] })
}

func TestFlagWinsOverEnvironmentOverFile(t *testing.T) {
	file := "listen: 127.0.0.1:1\nkeepAlive: 1m\ndriver: process\n"
	env := map[string]string{"VIDEOSDGX_LISTEN": "127.0.0.1:2", "VIDEOSDGX_KEEP_ALIVE": "2m", "VIDEOSDGX_SNAPSHOT_MB": "7"}
	c, err := load(t, file, env, "--listen", "127.0.0.1:3", "--data", "/srv/x")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.KeepAlive.D() != 2*time.Minute || c.Driver != "process" || c.SnapshotMB != 7 || c.Models != "/srv/x/models" {
		t.Errorf("%+v", c)
	}
}

func TestFileTakesTheFlagsNames(t *testing.T) {
	c, err := load(t, "# one\nkeep-alive: 3m\nmodels: rel/models\nsnapshot-mb: 9\nlogLevel: debug\n", nil)
	here, _ := os.Getwd()
	if err != nil || c.KeepAlive.D() != 3*time.Minute || c.SnapshotMB != 9 || c.LogLevel != "debug" || c.Models != filepath.Join(here, "rel/models") {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := load(t, "keep-alive: 3m\n\nkeep-aliv: 4m\n", nil); err == nil || !strings.Contains(err.Error(), "line 3: field keep-aliv") {
		t.Errorf("unknown key: %v", err)
	}
}

func TestBadConfigurationSaysEverything(t *testing.T) {
	_, err := load(t, "", nil, "--driver", "docker", "--listen", "nowhere", "--data=", "--access-key", "AKIA")
	for _, want := range []string{"driver is", "listen is", "data is", "go together"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if _, err := load(t, "lisen: x\n", nil); err == nil || !strings.Contains(err.Error(), "lisen") {
		t.Errorf("unknown key: %v", err)
	}
	if _, err := load(t, "", map[string]string{"VIDEOSDGX_KEEP_ALIVE": "soon"}); err == nil || !strings.Contains(err.Error(), "VIDEOSDGX_KEEP_ALIVE") {
		t.Errorf("bad duration: %v", err)
	}
}

func TestBadFileSaysEverythingWithLinesAndNames(t *testing.T) {
	_, err := load(t, "keepAlive: 5\nlistn: x\nclient-queued: many\nlisten: 127.0.0.1:9000\n", nil, "--stop", "soon")
	for _, want := range []string{`line 1: keepAlive: "5" is not a duration`, "line 2: field listn is no setting", "line 3: client-queued: ", `--stop: "soon" is not a duration`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestSecretsAreReadFromWhereTheyAre(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"hook": "whsec_c2VjcmV0\n", "aws": "key"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	c, err := load(t, "webhookSecret: file:"+filepath.Join(dir, "hook")+"\nsecretKey: credential:aws\naccessKey: AKIA\n", nil)
	if err != nil || c.WebhookSecret != "whsec_c2VjcmV0" || c.SecretKey != "key" {
		t.Errorf("%q %q %v", c.WebhookSecret, c.SecretKey, err)
	}
	if _, err := load(t, "webhookSecret: credential:none\n", nil); err == nil || !strings.Contains(err.Error(), "webhookSecret") {
		t.Errorf("%v", err)
	}
}
