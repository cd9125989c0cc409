package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/admin"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestAStartInWords: what a job's events, its row in a table and an instance's say while an image is unpacked.
func TestAStartInWords(t *testing.T) {
	var out bytes.Buffer
	l := &lines{w: &out}
	for _, data := range []string{`{"phase":"unpack","step":1,"steps":5,"done_bytes":0,"total_bytes":400}`, `{"phase":"unpack","step":2,"steps":5,"done_bytes":90,"total_bytes":400}`, `{"phase":"init"}`, `{"phase":"denoise","step":1,"steps":2}`} {
		l.show(client.Event{Type: "progress", Data: []byte(data)})
	}
	if got, want := out.String(), "unpacking the image\ngetting ready\ndenoise\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := within(client.Progress{Step: 2, Steps: 5, Done: 30 << 20, Total: 512 << 20}), " 2/5 30/512 MiB"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	job := client.Job{Status: "running", Progress: &client.Progress{Phase: spec.PhaseUnpack, Step: 2, Steps: 5, Done: 100, Total: 400}}
	if got := stateText(job); got != "unpack 25%" {
		t.Errorf("a job is %q", got)
	}
	row := instanceRow(spec.InstanceStatus{ID: "a-1", State: spec.Absent, Start: &spec.StartStep{Phase: spec.PhaseUnpack, Step: 3, Steps: 4}})
	if row[3] != "unpack 3/4" {
		t.Errorf("an instance is %q", row)
	}
	var o overall
	o.at(client.Progress{Phase: spec.PhaseUnpack, Step: 5, Steps: 5}, o.began)
	if o.done != 0 || !o.began.IsZero() {
		t.Error("a start counts as a part of the clip")
	}
}

// rising is a fleet whose instances come up for as long as they have not been looked at twice.
type rising struct {
	fleet
	looks atomic.Int32
	seen  chan struct{}
}

func (r *rising) Instances(context.Context) ([]spec.InstanceStatus, error) {
	if r.looks.Add(1) == 2 {
		close(r.seen)
	}
	return []spec.InstanceStatus{{ID: "a-1", Function: "a", State: spec.Absent, Start: &spec.StartStep{Phase: spec.PhaseUnpack, Step: 2, Steps: 3}}}, nil
}

// TestInvokeTellsHowTheInstanceComesUp: on standard error, with the answer alone on standard output.
func TestInvokeTellsHowTheInstanceComesUp(t *testing.T) {
	c := &gatewaytest.Catalog{}
	r := &rising{fleet: fleet{c}, seen: make(chan struct{})}
	invoke := gatewaytest.Invoker(func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		<-r.seen
		return gatewaytest.Answer(inv.Payload), nil
	})
	run := against(t, gateway.Options{Routes: []gateway.Routes{
		lambda.New(lambda.Options{Invoker: invoke, Functions: c, Aliases: c}), admin.New(admin.Options{Functions: c, Instances: r}),
	}})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "function.yaml"), []byte("name: a\nimage: oci:layout\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := run("deploy", dir); err != nil {
		t.Fatal(err)
	}
	out, errs, err := run("invoke", "a", "--payload", `{"n":1}`)
	if err != nil || strings.TrimSpace(out) != `{"n":1}` || errs != "unpacking the image\n" {
		t.Errorf("%q, %q, %v", out, errs, err)
	}
}

// TestAStartOnATerminal: one line, written over, and gone when the answer comes.
func TestAStartOnATerminal(t *testing.T) {
	var out bytes.Buffer
	l := &startLine{w: io.Writer(&out), again: true}
	for n := range 2 {
		l.show([]spec.InstanceStatus{{State: spec.Idle}, {Start: &spec.StartStep{Phase: spec.PhaseUnpack, Step: n + 1, Steps: 2, Done: int64(n) << 20, Total: 2 << 20}}})
	}
	l.end()
	if got, want := out.String(), "\r\x1b[Kunpacking the image 1/2 0/2 MiB\r\x1b[Kunpacking the image 2/2 1/2 MiB\r\x1b[K"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
