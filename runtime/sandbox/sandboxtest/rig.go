package sandboxtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// limit is how long any one step may take, far above what it should.
const limit = 30 * time.Second

// rig is what the cases are written with.
type rig struct {
	*testing.T
	Subject
}

var serial atomic.Int64

// config prepares an instance's folder; change may adjust its guest.json.
func (r *rig) config(change func(*wire.Config)) instance.Config {
	r.Helper()
	id := fmt.Sprintf("t%d-%d", os.Getpid(), serial.Add(1))
	c := instance.Config{
		ID: id, Function: r.Echo, Dir: filepath.Join(r.Dir, id), Log: filepath.Join(r.Dir, id+".log"),
		Labels: map[string]string{"function": r.Echo.Name, "test": r.Name()},
		ARN:    "arn:aws:lambda:us-east-1:000000000000:function:" + r.Echo.Name,
	}
	r.folder(c, change)
	return c
}

func (r *rig) folder(c instance.Config, change func(*wire.Config)) {
	r.Helper()
	r.must(os.Mkdir(c.Dir, 0o755))
	r.Cleanup(func() { os.RemoveAll(c.Dir) })
	g := wire.Config{
		InstanceID: c.ID, Function: c.Function.Name, Version: "$LATEST", ARN: c.ARN, MemoryMB: 256,
		TimeoutMs: 60_000, InitTimeoutMs: 20_000, EventsAtOnce: 1, RuntimeAPI: "127.0.0.1:9001",
	}
	if r.Sandbox.Info().HostNetwork {
		g.RuntimeAPI = "127.0.0.1:0"
	}
	if change != nil {
		change(&g)
	}
	r.must(g.Save(c.Dir))
}

// create stages an instance and sees to it that it leaves no trace.
func (r *rig) create(c instance.Config) instance.Box {
	r.Helper()
	b, err := r.Sandbox.Create(r.ctx(), c)
	r.must(err)
	r.Cleanup(func() { r.removeClean(b) })
	return b
}

func (r *rig) removeClean(b instance.Box) {
	r.Helper()
	ctx, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	if err := b.Remove(ctx); err != nil {
		r.Errorf("Remove: %v", err)
	}
	if left := r.Traces(r.T, b.ID()); len(left) > 0 {
		r.Errorf("left behind: %s", strings.Join(left, "; "))
	}
}

// started gives an instance whose process runs.
func (r *rig) started(change func(*wire.Config)) instance.Box {
	r.Helper()
	b := r.create(r.config(change))
	r.must(b.Start(r.ctx()))
	return b
}

// ready gives an instance that waits for events.
func (r *rig) ready(change func(*wire.Config)) instance.Box {
	r.Helper()
	b := r.started(change)
	_, err := client.Ready(r.ctx(), b.Dial)
	r.must(err)
	return b
}

// answer is a whole answer.
type answer struct {
	body     string
	head     wire.ResponseHead
	end      wire.InvokeEnd
	progress []spec.Progress
}

// call sends an event and reads the answer to its end.
func (r *rig) call(ctx context.Context, b instance.Box, event string, change func(*wire.InvokeHead)) (a answer, err error) {
	h := wire.InvokeHead{
		ID: fmt.Sprintf("event-%d", serial.Add(1)), ARN: "arn:test", DeadlineMs: time.Now().Add(limit).UnixMilli(),
	}
	if change != nil {
		change(&h)
	}
	resp, err := client.Invoke(ctx, b.Dial, client.Call{
		Head: h, Payload: []byte(event), OnProgress: func(p spec.Progress) { a.progress = append(a.progress, p) },
	})
	if err != nil {
		return a, err
	}
	defer resp.Close()
	body, err := io.ReadAll(resp)
	a.body, a.head, a.end = string(body), resp.Head, resp.End()
	return a, err
}

// echo checks that an instance answers.
func (r *rig) echo(b instance.Box) {
	r.Helper()
	a, err := r.call(r.ctx(), b, `"hello"`, nil)
	if err != nil || a.body != `"hello"` {
		r.Fatalf("echo = %q, %v", a.body, err)
	}
}

// object sends an event and decodes the answer.
func (r *rig) object(b instance.Box, event string) map[string]any {
	r.Helper()
	a, err := r.call(r.ctx(), b, event, nil)
	r.must(err)
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		r.Fatalf("%s answered %q: %v", event, a.body, err)
	}
	return m
}

func (r *rig) exited(b instance.Box) {
	r.Helper()
	select {
	case <-b.Exited():
	case <-time.After(limit):
		r.Fatal("the instance did not exit")
	}
}

// ctx ends with the test or after limit.
func (r *rig) ctx() context.Context {
	ctx, stop := context.WithTimeout(r.Context(), limit)
	r.Cleanup(stop)
	return ctx
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}
