package containerd

import (
	"context"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/tool"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// distributions is a driver on what the distribution brings, where something newer hides it elsewhere.
func distributions(t *testing.T) *Driver {
	t.Helper()
	const nowhere = "/nonexistent"
	for _, name := range []string{"containerd", "containerd-shim-runc-v2", "runc"} {
		if _, ok := tool.Find(context.Background(), nowhere, name); !ok {
			missing(t, "the distribution's "+name+" is not installed")
		}
	}
	return newDriver(t, func(o *Options) { o.Prefix = nowhere })
}

func TestDistributionsOwn(t *testing.T) {
	d := distributions(t)
	t.Log(d.Info().Version)
	b := started(t, d, config(t, spec.Function{Image: echoImage(t)}))
	if got := invoke(t, b, `"x"`); got != `"x"` {
		t.Errorf("answers %q", got)
	}
	if boxes, err := again(t, d).List(testContext(t)); err != nil || len(boxes) != 1 {
		t.Errorf("list: %v, %v", boxes, err)
	}
	remove(t, b)
}
