package containerd

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestNodeImage runs images/node-ric, AWS's Node.js client unchanged, in a container, and restores it three times from one
// snapshot: no two instances may draw the same random numbers. Building the client takes a minute the first time, so it is
// begun here, in the first file of the package, and waited for after all other tests.
func TestNodeImage(t *testing.T) {
	built := buildNode(t)
	t.Parallel()
	if err := <-built; err != nil {
		t.Fatal(err)
	}
	d := newDriver(t)
	needCRIU(t, d)
	image := nodeImage(t)
	b := started(t, d, nodeConfig(t, image))
	if _, err := client.Ready(testContext(t), b.Dial); err != nil {
		t.Fatal(err)
	}
	if got := invoke(t, b, `{"hello":1}`); got != `{"hello":1}` {
		t.Errorf("echo = %s", got)
	}
	invoke(t, b, `{"random":true}`) // every generator is seeded when the snapshot is taken
	dir := t.TempDir()
	if err := b.(instance.Checkpointer).Checkpoint(testContext(t), dir, true); err != nil {
		t.Fatal(err)
	}
	<-b.Exited()
	remove(t, b)
	drawn := map[string]bool{}
	for range 3 {
		restoredNode(t, d, image, dir, drawn)
	}
}

func restoredNode(t *testing.T, d *Driver, image, dir string, drawn map[string]bool) {
	t.Helper()
	c := nodeConfig(t, image)
	b, err := d.Restore(testContext(t), c, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer remove(t, b)
	if err := client.Restored(testContext(t), b.Dial, wire.RestoredHead{InstanceID: c.ID, Entropy: []byte(c.ID)}); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(invoke(t, b, `{"random":true}`)), &got); err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	for kind, v := range got {
		if s := fmt.Sprint(kind, " ", v); drawn[s] {
			t.Errorf("two instances of one snapshot drew the same %s", s)
		} else {
			drawn[s] = true
		}
	}
}

func nodeConfig(t *testing.T, image string) instance.Config {
	t.Helper()
	c := config(t, spec.Function{Name: "node", Image: image})
	g, err := wire.LoadConfig(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	g.Snapshots = true
	if err := g.Save(c.Dir); err != nil {
		t.Fatal(err)
	}
	return c
}

const root = "../../.."

// buildNode compiles images/node-ric in the background.
func buildNode(t *testing.T) <-chan error {
	t.Helper()
	need(t)
	for _, tool := range []string{"node", "npm", "cmake", "autoconf", "automake", "libtoolize", "make", "g++"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, tool+" is not installed (make setup-test), so AWS's Node.js client cannot be built")
		}
	}
	done := make(chan error, 1)
	go func() { done <- run("images/node-ric/build.sh") }()
	return done
}

func nodeImage(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "node-ric")
	build := []string{"go", "run", "./cmd/videosdgx"}
	if bin := os.Getenv("VIDEOSDGX_TEST_BIN"); bin != "" {
		build = []string{filepath.Join(bin, "videosdgx")}
	}
	must(t, run(append(build, "image", "build", "images/node-ric", "--output", out)...))
	return "oci:" + out
}

// run runs a command at the root of the checkout.
func run(command ...string) error {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = root
	_, err := cmd.Output()
	var x *exec.ExitError
	if errors.As(err, &x) {
		return fmt.Errorf("%v: %w\n%s", command, err, x.Stderr)
	}
	return err
}
