package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigCheck(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	program := filepath.Join(dir, "init")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	check := func(text string) (string, int) {
		t.Helper()
		if err := os.WriteFile(file, []byte("init: "+program+"\ndata: "+dir+"\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _, err := runCLI(t, t.Context(), "config", "check", "--config", file)
		if err == nil {
			return out, 0
		}
		code, told := status(t.Context(), err)
		if told != nil {
			out += told.Error()
		}
		return out, code
	}
	if out, code := check(""); code != 0 || !strings.Contains(out, "is good") {
		t.Errorf("%d %s", code, out)
	}
	for text, wants := range map[string][]string{
		"listen: 0.0.0.0:9000": {"nobody would be asked", "keys create"},
		"listen: nowhere\ndriver: docker\ntlsCert: a\nkeepJobs: 1h":                        {"listen is", "driver is", "tlsCert and tlsKey"},
		"jwks: /nowhere\njwtIssuer: a\njwtAudience: b\ndenyList: /nowhere\nbackup: " + dir: {"jwks", "list of words", "no repository"},
		"tlsCert: /nowhere\ntlsKey: /nowhere\norigins: example.com\nmoderation: x":         {"certificate", "origins", "moderation"},
		"lisen: x": {"lisen"},
	} {
		out, code := check(text)
		for _, want := range wants {
			if code != 1 || !strings.Contains(out, want) {
				t.Errorf("%q: %d, no %q in %s", text, code, want, out)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("the check left something: %v, %v", entries, err)
	}
}

// Keys are made and ended on a file without a server, and the key is printed once and alone.
func TestKeysOnAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	out, _, err := runCLI(t, t.Context(), "keys", "create", "alice", "--scopes", "submit,read", "--expires", "90d", "--file", file)
	if err != nil || !strings.HasPrefix(out, "vdx_") || strings.Count(out, "\n") != 1 {
		t.Fatalf("%q, %v", out, err)
	}
	if out, _, err := runCLI(t, t.Context(), "keys", "ls", "--file", file); err != nil || !strings.Contains(out, "alice") || !strings.Contains(out, "submit,read") || !strings.Contains(out, "good") {
		t.Errorf("%q, %v", out, err)
	}
	if out, _, err := runCLI(t, t.Context(), "keys", "revoke", "alice", "--file", file); err != nil || !strings.Contains(out, "revoked") {
		t.Errorf("%q, %v", out, err)
	}
	to := filepath.Join(t.TempDir(), "key")
	if out, _, err := runCLI(t, t.Context(), "keys", "create", "bob", "-o", to, "--file", file); err != nil || out != "" {
		t.Errorf("%q, %v", out, err)
	}
	if st, err := os.Stat(to); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v", err)
	}
	was, err := os.ReadFile(to) // the only place of bob's key
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{to, filepath.Join(to, "below a file"), t.TempDir()} {
		if _, _, err := runCLI(t, t.Context(), "keys", "create", "dora", "-o", to, "--file", file); err == nil {
			t.Errorf("a key is written to %s", to)
		}
	}
	if now, err := os.ReadFile(to); err != nil || !bytes.Equal(now, was) {
		t.Errorf("%q instead of %q: %v", now, was, err)
	}
	if out, _, err := runCLI(t, t.Context(), "keys", "ls", "--file", file); err != nil || strings.Contains(out, "dora") {
		t.Errorf("a key is made that is nowhere: %q, %v", out, err)
	}
	for _, line := range []string{"keys create carol --scopes root --file " + file, "keys create carol --expires soon --file " + file} {
		_, _, err := runCLI(t, t.Context(), strings.Fields(line)...)
		if code, _ := status(t.Context(), err); code != wrongUsage {
			t.Errorf("%s: %v", line, err)
		}
	}
}
