package containerd

import (
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestExternalExtension runs an image as Lambda's users build them for adapters and telemetry: a program in
// /opt/extensions is started before the function, hears of every event, and has time to write down what it knows.
func TestExternalExtension(t *testing.T) {
	d := newDriver(t)
	image := writeImage(t, v1.Config{Entrypoint: []string{"/var/runtime/bootstrap"}},
		file{path: "var/runtime/bootstrap", mode: 0o755, body: program(t, built.echo)}, file{path: "opt/extensions/companion", mode: 0o755, body: program(t, built.companion)},
		file{path: "opt/extensions/README", mode: 0o644, body: []byte("not a program")})
	c := config(t, spec.Function{Image: image})
	b := started(t, d, c)
	defer remove(t, b)
	if got := invoke(t, b, `{"log":"the function runs"}`); got != `{"log":"the function runs"}` {
		t.Errorf("answers %s", got)
	}
	if err := b.Stop(testContext(t), 10*time.Second); err != nil {
		t.Fatal(err)
	}
	log := output(t, b, c)
	at := 0
	for _, line := range []string{
		"extension README:", "companion: registered, 200 OK", "companion: asks for its first event", "the function runs",
		"companion: told of SHUTDOWN", "companion: has written everything down",
	} {
		i := strings.Index(log[at:], line)
		if i < 0 {
			t.Fatalf("no %q after %q in:\n%s", line, log[:at], log)
		}
		at += i
	}
	if !strings.Contains(log, "companion: told of INVOKE 8f5d5c1e-0000-4000-8000-000000000001") {
		t.Errorf("not told of the event:\n%s", log)
	}
}
