package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"
)

// quotaFor is that of the environment, with a model of 1 MiB in its folder.
func quotaFor(t *testing.T, limit string) (q *modelsQuota, data string, err error) {
	t.Helper()
	data = t.TempDir()
	for name, value := range map[string]string{"DATA": data, "MODELS": "", "MODELS_LIMIT": limit, "SERVER": "http://127.0.0.1:1"} {
		t.Setenv("VIDEOSDGX_"+name, value)
	}
	for _, name := range []string{"models/m/weights", "models/derived/d/weights"} {
		path := filepath.Join(data, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := &cobra.Command{}
	addModelsFlag(cmd)
	cmd.SetContext(t.Context())
	q, err = quotaOf(cmd)
	return q, data, err
}

func TestModelsHaveALimit(t *testing.T) {
	q, data, err := quotaFor(t, "3MiB")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"models/new", "checkpoints/new"} {
		room := q.room(filepath.Join(data, name))
		if room == nil {
			t.Fatalf("%s has no limit", name)
		}
		if err := room(1 << 20); err != nil {
			t.Errorf("what fits: %v", err)
		}
		if err := room(3 << 20); !errdefs.IsResourceExhausted(err) || !strings.Contains(err.Error(), "modelsLimit") || !strings.Contains(err.Error(), "3.0 MiB") {
			t.Errorf("what does not: %v", err)
		}
	}
	for _, name := range []string{"models/derived/x", "elsewhere/new", "models", "modelsthatarenot/new"} {
		if q.room(filepath.Join(data, name)) != nil {
			t.Errorf("%s has a limit", name)
		}
	}
}

func TestNoLimitIsNoLimit(t *testing.T) {
	for _, limit := range []string{"", "0"} {
		if q, data, err := quotaFor(t, limit); err != nil || q != nil || q.room(data+"/models/x") != nil {
			t.Errorf("%q: %+v %v", limit, q, err)
		}
	}
	if _, _, err := quotaFor(t, "much"); err == nil || !strings.Contains(err.Error(), "VIDEOSDGX_MODELS_LIMIT") {
		t.Errorf("%v", err)
	}
}
