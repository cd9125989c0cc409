package daemon

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestTheSocketIsForUserAndGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for range 2 { // the second finds what the first has left
		l, err := listenUnix(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		st, err := os.Lstat(path)
		if err != nil || st.Mode() != os.ModeSocket|0o660 {
			t.Errorf("%v, %v", st.Mode(), err)
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if _, err := listenUnix(t.Context(), path); err == nil || !strings.Contains(err.Error(), "another server") {
			t.Errorf("a socket in use was taken: %v", err)
		}
		l.Close()
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	file := filepath.Join(t.TempDir(), "notes")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(t.Context(), file); err == nil {
		t.Error("a file was taken for a socket")
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "mine" {
		t.Errorf("the file is %q, %v", b, err)
	}
}

// TestNobodyMountsTheSocketOrTheQueue: a function that had the socket would have the control API.
func TestNobodyMountsTheSocketOrTheQueue(t *testing.T) {
	data, elsewhere := t.TempDir(), t.TempDir()
	p := &plane{cfg: Config{Data: data, Outputs: filepath.Join(data, "outputs"), Socket: filepath.Join(elsewhere, "run", "api.sock"), MountRoots: elsewhere}}
	for _, path := range []string{
		filepath.Join(data, "videosdgx.sock"), filepath.Join(data, "jobs.db-wal"), filepath.Join(data, "jobs.db-shm"), filepath.Join(data, "lock"),
		filepath.Join(data, "spool", "answer"), p.cfg.Socket, filepath.Join(data, "mine", "weights"),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := p.mountRoots().Allowed(&spec.Function{Name: "f"}, spec.Mount{Source: path})
		if (err == nil) != strings.HasSuffix(path, "weights") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, _, err := p.mountRoots().Allowed(&spec.Function{Name: "f"}, spec.Mount{Source: filepath.Dir(p.cfg.Socket)}); err == nil {
		t.Error("the folder of the socket may be mounted")
	}
}

// TestNobodyWritesTheModels: one function's bundle is another's weights.
func TestNobodyWritesTheModels(t *testing.T) {
	data := t.TempDir()
	p := &plane{cfg: Config{Data: data, Models: filepath.Join(data, "models"), Outputs: filepath.Join(data, "outputs"), Socket: noSocket}}
	bundle, mine := filepath.Join(data, "models", "wan21"), filepath.Join(data, "mine")
	for _, dir := range []string{bundle, mine} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range []struct {
		spec.Mount
		allowed bool
	}{
		{spec.Mount{Source: bundle}, true},
		{spec.Mount{Source: bundle, Writable: true}, false},
		{spec.Mount{Source: filepath.Dir(bundle), Writable: true}, false},
		{spec.Mount{Source: mine, Writable: true}, true},
	} {
		if _, _, err := p.mountRoots().Allowed(&spec.Function{Name: "f"}, m.Mount); (err == nil) != m.allowed {
			t.Errorf("%+v: %v", m.Mount, err)
		}
	}
}
