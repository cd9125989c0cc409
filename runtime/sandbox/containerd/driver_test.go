package containerd

import (
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestOneInstance(t *testing.T) {
	d := newDriver(t)
	c := config(t, spec.Function{Image: echoImage(t)})
	b := started(t, d, c)
	if got := invoke(t, b, `"hello"`); got != `"hello"` {
		t.Fatalf("answer %q", got)
	}
	u, err := b.Usage(testContext(t))
	if err != nil || u.PIDs < 2 || u.Anon <= 0 || u.CPU <= 0 {
		t.Fatalf("usage %+v, %v", u, err)
	}
	if err := b.Stop(testContext(t), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	<-b.Exited()
	t.Logf("exit %+v usage %+v", b.Exit(), u)
	remove(t, b)
}
