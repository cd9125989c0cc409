package hub

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokenComesFromFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a": "from-a-file\n", "named": "from-systemd", "hf-token": "by-itself", "empty": "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ token, path, credentials, want, err string }{
		{token: "hf_plain", credentials: dir, want: "hf_plain"},
		{token: "file:" + filepath.Join(dir, "a"), want: "from-a-file"},
		{token: "credential:named", credentials: dir, want: "from-systemd"},
		{token: "credential:../a", credentials: dir, want: "from-a-file"}, // no way out: its last part alone counts
		{path: filepath.Join(dir, "a"), want: "from-a-file"},
		{credentials: dir, want: "by-itself"},
		{},
		{token: "file:/nowhere", err: "HF_TOKEN names"},
		{token: "credential:none", credentials: dir, err: "HF_TOKEN names"},
		{path: filepath.Join(dir, "empty"), err: "HF_TOKEN_PATH names"},
	} {
		for name, v := range map[string]string{"HF_TOKEN": c.token, "HF_TOKEN_PATH": c.path, "CREDENTIALS_DIRECTORY": c.credentials, "HF_HOME": t.TempDir()} {
			t.Setenv(name, v)
		}
		got, err := FromEnvironment()
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		if err != nil || got.Token != c.want {
			t.Errorf("%+v: %q %v", c, got.Token, err)
		}
	}
}
