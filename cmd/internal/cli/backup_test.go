package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A backup whose list is damaged hides none of the others.
func TestBackupsAreListedBesideADamagedOne(t *testing.T) {
	dir := t.TempDir()
	data, repo := filepath.Join(dir, "data"), filepath.Join(dir, "repo")
	if err := os.MkdirAll(filepath.Join(data, "functions"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if out, _, err := runCLI(t, t.Context(), "backup", "create", repo, "--data", data); err != nil {
			t.Fatal(out, err)
		}
	}
	lists, err := filepath.Glob(filepath.Join(repo, "backups", "*"))
	if err != nil || len(lists) != 2 {
		t.Fatal(lists, err)
	}
	if err := os.Truncate(lists[0], 20); err != nil {
		t.Fatal(err)
	}
	id := func(list string) string { return strings.TrimSuffix(filepath.Base(list), ".json") }
	out, _, err := runCLI(t, t.Context(), "backup", "ls", repo)
	if err == nil || !strings.Contains(err.Error(), id(lists[0])) || !strings.Contains(out, id(lists[1])) {
		t.Errorf("%v\n%s", err, out)
	}
}
