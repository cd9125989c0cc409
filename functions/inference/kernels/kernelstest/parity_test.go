package kernelstest

import (
	"context"
	"os"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
)

// TestParityOfEveryFormat runs the operator where the test's device is: the CPU, or a GPU that a variable names.
func TestParityOfEveryFormat(t *testing.T) {
	Library(t)
	d, err := engine.ParseDevice(os.Getenv(DeviceEnv))
	if err != nil {
		t.Fatal(err)
	}
	e, err := ort.LoadFor(d)
	if err != nil {
		t.Fatal(err)
	}
	for name := range variants {
		for _, s := range [][3]int{{1, 48, 320}, {64, 96, 256}, {300, 128, 640}} {
			m, n, k := s[0], s[1], s[2]
			q, x, bias := quantized(t, name, weight(n, k), n, k), weight(m, k), weight(n, 1)
			session, err := e.Open(context.Background(), Graph(t, q, bias, false), engine.Options{Device: d})
			if err != nil {
				t.Fatal(err)
			}
			out, err := session.Run(context.Background(), engine.Values{"x": engine.Floats(x, int64(m), int64(k))})
			session.Close()
			if err != nil {
				t.Fatal(err)
			}
			golden.Near(t, name, out.Float32("y"), product(t, q, x, bias), exact)
		}
	}
}
