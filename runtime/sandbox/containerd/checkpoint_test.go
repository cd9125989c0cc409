package containerd

import (
	"os"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func needCRIU(t testing.TB, d *Driver) {
	t.Helper()
	if err := d.canCheckpoint(); err != nil {
		missing(t, err.Error())
	}
}

func TestCheckpointAndRestore(t *testing.T) {
	d := newDriver(t)
	needCRIU(t, d)
	f := spec.Function{Image: echoImage(t)}
	b := started(t, d, config(t, f))
	invoke(t, b, `1`)
	images := t.TempDir()
	at := time.Now()
	if err := b.(*box).Checkpoint(testContext(t), images, true); err != nil {
		t.Fatal(err)
	}
	t.Logf("checkpoint %v", time.Since(at))
	<-b.Exited()
	remove(t, b)
	for range 3 {
		at = time.Now()
		c := config(t, f)
		r, err := d.Restore(testContext(t), c, images)
		if err != nil {
			t.Fatal(err)
		}
		restored := time.Since(at)
		h := wire.RestoredHead{InstanceID: c.ID, Entropy: make([]byte, 64), UnixNano: time.Now().UnixNano()}
		if err := client.Restored(testContext(t), r.Dial, h); err != nil {
			t.Fatal(err)
		}
		if got := invoke(t, r, `"again"`); got != `"again"` {
			t.Fatalf("answer %q", got)
		}
		t.Logf("restore %v, first answer %v", restored, time.Since(at))
		remove(t, r)
	}
	if entries, err := os.ReadDir(images); err != nil || len(entries) == 0 {
		t.Fatalf("images: %v, %v", entries, err)
	}
}
