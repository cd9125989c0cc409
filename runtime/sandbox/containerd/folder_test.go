package containerd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestFilesOfEventsAreOnDisk: a file beside an event may be far larger than what an instance may write to its folder; the
// instance reads it and can change nothing of it, and it goes with the instance.
func TestFilesOfEventsAreOnDisk(t *testing.T) {
	t.Run("private daemon", func(t *testing.T) { filesAreOnDisk(t, newDriver(t)) })
	t.Run("distribution", func(t *testing.T) { filesAreOnDisk(t, distributions(t)) })
}

func filesAreOnDisk(t *testing.T, d *Driver) {
	for _, user := range []string{"", "1000:1000"} {
		c := config(t, spec.Function{Image: asUser(t, user), Command: []string{"/var/runtime/bootstrap", "laid"}})
		b := started(t, d, c)
		dir := b.(instance.Shelf).FilesDir()
		must(t, os.WriteFile(filepath.Join(dir, "making"), make([]byte, 5<<20), 0o444))
		must(t, os.Rename(filepath.Join(dir, "making"), filepath.Join(dir, "clip")))
		if said, want := output(t, b, c), "size 5242880 read true change false remove false beside false\n"; said != want {
			t.Errorf("user %q: %q, want %q", user, said, want)
		}
		must(t, b.Remove(testContext(t)))
		if _, err := os.Stat(d.filesAt(c.ID)); !os.IsNotExist(err) {
			t.Errorf("left: %v", err)
		}
	}
}
