package sandboxtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// callProgress is call, and closes entered at the first progress report.
func (r *rig) callProgress(ctx context.Context, b instance.Box, event string, entered chan struct{}, change ...func(*wire.InvokeHead)) (string, error) {
	h := wire.InvokeHead{ID: fmt.Sprintf("event-%d", serial.Add(1)), DeadlineMs: time.Now().Add(limit).UnixMilli()}
	for _, c := range change {
		c(&h)
	}
	var once sync.Once
	resp, err := client.Invoke(ctx, b.Dial, client.Call{
		Head: h, Payload: []byte(event), OnProgress: func(spec.Progress) { once.Do(func() { close(entered) }) },
	})
	if err != nil {
		return "", err
	}
	defer resp.Close()
	body, err := io.ReadAll(resp)
	return string(body), err
}

// cancelled cancels an event once it has begun, and gives what came of it.
func cancelled(r *rig, b instance.Box, event string, grace time.Duration) error {
	ctx, stop := context.WithCancel(r.ctx())
	defer stop()
	entered := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		body, err := r.callProgress(ctx, b, event, entered, func(h *wire.InvokeHead) { h.CancelGraceMs = grace.Milliseconds() })
		if err == nil {
			err = fmt.Errorf("answered %q", body)
		}
		done <- err
	}()
	<-entered
	stop()
	return <-done
}

func answers(r *rig) {
	b := r.ready(nil)
	big := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	for _, event := range []string{`"x"`, `{}`, `{"a":[1,2,{"b":null}]}`, `[]`, `""`, `"` + big + `"`} {
		a, err := r.call(r.ctx(), b, event, nil)
		if err != nil || a.body != event || a.end.FunctionError != "" {
			r.Errorf("echo of %.40s = %.40s (%d bytes), %+v, %v", event, a.body, len(a.body), a.end, err)
		}
	}
	a, err := r.call(r.ctx(), b, `{"fail":"on purpose"}`, nil)
	if err != nil || a.head.FunctionError != "Handled" || a.end.ErrorType != "errorString" || !strings.Contains(a.body, `"on purpose"`) {
		r.Errorf("an error is answered %+v, %v", a, err)
	}
	a, err = r.call(r.ctx(), b, `{"log":"tail me"}`, func(h *wire.InvokeHead) { h.Tail = true })
	if err != nil || string(a.end.LogTail) != "tail me\n" {
		r.Errorf("log tail %q, %v", a.end.LogTail, err)
	}
	a, err = r.call(r.ctx(), b, `{"progress":3}`, nil)
	if err != nil || len(a.progress) != 3 || a.progress[2].Step != 3 || a.progress[2].Phase != "echo" {
		r.Errorf("progress %+v, %v", a.progress, err)
	}
}

func environment(r *rig) {
	b := r.ready(func(g *wire.Config) {
		g.Env = map[string]string{"MINE": "yes", "AWS_LAMBDA_FUNCTION_NAME": "no"}
		g.Handler = "a.handler"
	})
	env := r.object(b, `{"env":true}`)
	for k, want := range map[string]string{
		"MINE": "yes", "AWS_LAMBDA_FUNCTION_NAME": r.Echo.Name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "_HANDLER": "a.handler", "VIDEOSDGX_EXTENSIONS": "progress,cancel",
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/" + r.Echo.Name, "TZ": ":UTC",
	} {
		if env[k] != want {
			r.Errorf("%s=%v, want %s", k, env[k], want)
		}
	}
	if g, _ := env["GODEBUG"].(string); !strings.Contains(g, "multipathtcp=0") {
		r.Errorf("GODEBUG=%q", g)
	}
	a, err := r.call(r.ctx(), b, `{"context":true}`, func(h *wire.InvokeHead) {
		h.ID, h.ARN, h.TraceID, h.DeadlineMs = "5a7f", "arn:x", "Root=1-2-3", time.Now().Add(time.Hour).UnixMilli()
		h.ClientContext, h.Identity = `{"custom":{"k":"v"}}`, `{"cognitoIdentityId":"me"}`
	})
	r.must(err)
	var c struct {
		ID, ARN, Trace string
		DeadlineMs     int64
	}
	if json.Unmarshal([]byte(a.body), &c) != nil || c.ID != "5a7f" || c.ARN != "arn:x" || c.Trace != "Root=1-2-3" ||
		!strings.Contains(a.body, `"k":"v"`) || !strings.Contains(a.body, "me") {
		r.Errorf("context %s", a.body)
	}
}

func stream(r *rig) {
	b := r.ready(nil)
	h := wire.InvokeHead{ID: "stream-1", DeadlineMs: time.Now().Add(limit).UnixMilli()}
	resp, err := client.Invoke(r.ctx(), b.Dial, client.Call{Head: h, Payload: []byte(`{"stream":3,"streamGap":"50ms"}`)})
	r.must(err)
	defer resp.Close()
	first := make([]byte, 8)
	if _, err := io.ReadFull(resp, first); err != nil || string(first) != "piece 0\n" {
		r.Fatalf("first piece %q, %v", first, err)
	}
	if !resp.Head.Streaming {
		r.Error("a streamed answer does not say so")
	}
	rest, err := io.ReadAll(resp)
	if err != nil || string(rest) != "piece 1\npiece 2\n" {
		r.Errorf("rest %q, %v", rest, err)
	}
	a, err := r.call(r.ctx(), b, `{"stream":2,"streamGap":"50ms","streamFail":true}`, nil)
	if err != nil || a.body != "piece 0\npiece 1\n" || a.end.FunctionError != "Unhandled" || a.end.ErrorType != "errorString" {
		r.Errorf("a stream that fails: %q, %+v, %v", a.body, a.end, err)
	}
}

func eventsAtOnce(r *rig) {
	const n = 4
	b := r.ready(func(g *wire.Config) { g.EventsAtOnce = n })
	ctx, stop := context.WithCancel(r.ctx())
	defer stop()
	var wg sync.WaitGroup
	entered := make([]chan struct{}, n)
	for i := range entered {
		entered[i] = make(chan struct{})
		wg.Go(func() { r.callProgress(ctx, b, `{"progress":1,"sleep":"60s","watch":true}`, entered[i]) })
	}
	for _, e := range entered {
		<-e // all are in the function at the same time
	}
	_, err := r.call(r.ctx(), b, `"one too many"`, nil)
	r.failure(err, wire.ClassBusy, "")
	stop()
	wg.Wait()
	r.echo(b)
}

func checkpoint(r *rig) {
	b := r.ready(nil)
	s, err := instance.RestorerOf(r.Sandbox)
	if err != nil {
		r.Skip("this driver does not checkpoint")
	}
	c := b.(instance.Checkpointer)
	r.object(b, `{"random":true}`) // every generator is seeded when the snapshot is taken
	dir := r.TempDir()
	r.must(c.Checkpoint(r.ctx(), dir, true))
	r.exited(b)
	r.must(b.Remove(r.ctx()))
	drawn := map[string]string{}
	for range 2 { // several from one
		config := r.config(nil)
		n, err := s.Restore(r.ctx(), config, dir)
		r.must(err)
		r.Cleanup(func() { r.removeClean(n) })
		r.must(client.Restored(r.ctx(), n.Dial, wire.RestoredHead{
			InstanceID: config.ID, Entropy: []byte(r.Name() + config.ID), UnixNano: time.Now().UnixNano(),
		}))
		r.echo(n)
		r.unique(drawn, r.object(n, `{"random":true}`))
	}
}

// unique notes what an instance drew and complains of what another one drew before.
func (r *rig) unique(drawn map[string]string, got map[string]any) {
	r.Helper()
	for kind, v := range got {
		if drawn[kind] == fmt.Sprint(v) {
			r.Errorf("two instances of one snapshot drew the same %s: %v", kind, v)
		}
		drawn[kind] = fmt.Sprint(v)
	}
}
