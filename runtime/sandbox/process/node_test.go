package process

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/sandboxtest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestNode runs a Node.js function on AWS's own runtime interface client, unchanged.
func TestNode(t *testing.T) {
	n := newNode(t)
	box := n.start(t, "index.handler", 1)
	if got := n.call(t, box, `{"hello":["world",1]}`); got != `{"hello":["world",1]}` {
		t.Errorf("echo = %s", got)
	}
	if got := n.call(t, box, `{"bytes":2000000}`); len(got) != 2000002 {
		t.Errorf("%d bytes", len(got))
	}
	if got := n.call(t, box, `{"fail":"on purpose"}`); !strings.Contains(got, `"RangeError"`) || !strings.Contains(got, "on purpose") {
		t.Errorf("error = %s", got)
	}
	var c struct {
		ID, Function, Memory string
		RemainingMs          int
	}
	if err := json.Unmarshal([]byte(n.call(t, box, `{"context":true}`)), &c); err != nil {
		t.Fatal(err)
	}
	if c.ID == "" || c.Function != "node" || c.Memory != "256" || c.RemainingMs < 1000 {
		t.Errorf("context %+v", c)
	}
}

// TestNodeStream streams with the client's own streamifyResponse.
func TestNodeStream(t *testing.T) {
	n := newNode(t)
	box := n.start(t, "index.stream", 1)
	resp, err := n.invoke(t, box, `{"pieces":3,"gapMs":30}`)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if !resp.Head.Streaming || resp.Head.ContentType != "text/plain" {
		t.Errorf("head %+v", resp.Head)
	}
	if b, err := io.ReadAll(resp); err != nil || string(b) != "piece 0\npiece 1\npiece 2\n" {
		t.Errorf("body %q, %v", b, err)
	}
}

// TestNodeSlow is the function of the snapshot bench: seconds of initialisation, then quick.
func TestNodeSlow(t *testing.T) {
	n := newNode(t)
	n.env = map[string]string{"INIT_MS": "500"}
	begin := time.Now()
	box := n.start(t, "slow.handler", 1)
	if d := time.Since(begin); d < 500*time.Millisecond {
		t.Errorf("ready after %s", d)
	}
	if got := n.call(t, box, `{"table":true}`); !strings.Contains(got, `"rows":`) {
		t.Errorf("table = %s", got)
	}
}

// TestNodePreparedForSnapshots runs with the script that init has Node.js load; random numbers are what they should be.
func TestNodePreparedForSnapshots(t *testing.T) {
	n := newNode(t)
	n.snapshots = true
	box := n.start(t, "index.handler", 1)
	var a, b struct {
		Bytes, UUID string
		Math        []float64
	}
	for _, v := range []any{&a, &b} {
		if err := json.Unmarshal([]byte(n.call(t, box, `{"random":true}`)), v); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.Bytes) != 32 || len(a.UUID) != 36 || len(a.Math) != 2 || a.Math[0] < 0 || a.Math[0] >= 1 || a.Math[0] == a.Math[1] {
		t.Errorf("%+v", a)
	}
	if a.Bytes == b.Bytes || a.UUID == b.UUID || a.Math[0] == b.Math[0] {
		t.Errorf("%+v twice", a)
	}
}

type node struct {
	dir    string
	driver *Driver
	env    map[string]string

	snapshots bool // prepare for them
}

// newNode builds images/node-ric, which takes a minute the first time.
func newNode(t *testing.T) *node {
	t.Helper()
	for _, tool := range []string{"node", "npm", "cmake", "autoconf", "automake", "libtoolize", "make", "g++"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("VIDEOSDGX_TEST_CONTAINERD") == "1" {
				t.Fatalf("%s is missing; install it with make setup-test", tool)
			}
			t.Skipf("LEFT OUT: %s is missing, so AWS's Node.js client cannot be built", tool)
		}
	}
	out, err := exec.Command("../../../images/node-ric/build.sh").Output()
	if err != nil {
		var x *exec.ExitError
		errors.As(err, &x)
		t.Fatalf("build.sh: %v\n%s", err, x.Stderr)
	}
	bin := sandboxtest.Build(t)
	return &node{dir: strings.TrimSpace(string(out)), driver: driver(t, filepath.Join(t.TempDir(), "process"), bin.Init)}
}

func (n *node) start(t *testing.T, handler string, atOnce int) instance.Box {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	c := instance.Config{
		ID: "node-1", Dir: t.TempDir(), Log: filepath.Join(t.TempDir(), "log"),
		Function: spec.Function{
			Name: "node", Dir: n.dir,
			Command: []string{path, "node_modules/aws-lambda-ric/bin/index.mjs", handler},
		},
	}
	g := wire.Config{
		InstanceID: c.ID, Function: "node", Version: "1", ARN: "arn:x", MemoryMB: 256, Env: n.env,
		InitTimeoutMs: 20_000, EventsAtOnce: atOnce, Snapshots: n.snapshots, RuntimeAPI: "127.0.0.1:0",
	}
	if err := g.Save(c.Dir); err != nil {
		t.Fatal(err)
	}
	box, err := n.driver.Create(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Remove(context.Background()); err != nil {
			t.Errorf("Remove: %v", err)
		}
		if t.Failed() {
			log, _ := os.ReadFile(c.Log)
			t.Logf("log:\n%s", log)
		}
	})
	if err := box.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Ready(t.Context(), box.Dial); err != nil {
		t.Fatal(err)
	}
	return box
}

func (n *node) invoke(t *testing.T, box instance.Box, event string) (*client.Response, error) {
	return client.Invoke(t.Context(), box.Dial, client.Call{
		Head:    wire.InvokeHead{ID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd", ARN: "arn:x", DeadlineMs: time.Now().Add(20 * time.Second).UnixMilli()},
		Payload: []byte(event),
	})
}

func (n *node) call(t *testing.T, box instance.Box, event string) string {
	t.Helper()
	resp, err := n.invoke(t, box, event)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	b, err := io.ReadAll(resp)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
