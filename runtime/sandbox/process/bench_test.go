package process

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/internal/procfs"
	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/sandboxtest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// warm gives an instance of the echo function that waits for events.
func warm(b testing.TB) instance.Box {
	bin := sandboxtest.Build(b)
	d, err := New(Options{Root: filepath.Join(b.TempDir(), "process"), Init: bin.Init})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(d.Close)
	c := instance.Config{
		ID: "bench", Dir: b.TempDir(),
		Function: spec.Function{Name: "echo", Dir: filepath.Dir(bin.Echo), Command: []string{bin.Echo}},
	}
	g := wire.Config{InstanceID: c.ID, Function: "echo", Version: "1", EventsAtOnce: 1, RuntimeAPI: "127.0.0.1:0"}
	if err := g.Save(c.Dir); err != nil {
		b.Fatal(err)
	}
	box, err := d.Create(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { box.Remove(context.Background()) })
	if err := box.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	if _, err := client.Ready(b.Context(), box.Dial); err != nil {
		b.Fatal(err)
	}
	return box
}

// BenchmarkWarm is the round trip over init.sock: client, init, function and back.
func BenchmarkWarm(b *testing.B) {
	box := warm(b)
	buf := make([]byte, 4<<10)
	init := asBox(box).pid()
	before := cpu(init, "bench")
	defer func() {
		after := cpu(init, "bench")
		for name, d := range after {
			b.ReportMetric(float64((d-before[name]).Microseconds())/float64(b.N), name+"-cpu-us/op")
		}
	}()
	for b.Loop() {
		resp, err := client.Invoke(b.Context(), box.Dial, client.Call{
			Head:    wire.InvokeHead{ID: "1", DeadlineMs: time.Now().Add(time.Minute).UnixMilli(), ARN: "arn:aws:lambda:us-east-1:0:function:echo"},
			Payload: []byte(`{}`),
		})
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = resp.Read(buf)
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		resp.Close()
	}
}

func asBox(b instance.Box) *box { return b.(*box) }

// cpu gives what init and the function have used.
func cpu(init int, id string) map[string]time.Duration {
	m := map[string]time.Duration{}
	for _, pid := range members(init, id) {
		st, _ := procfs.ReadStat(pid)
		if pid == init {
			m["init"] = st.CPU
		} else {
			m["function"] += st.CPU
		}
	}
	return m
}
