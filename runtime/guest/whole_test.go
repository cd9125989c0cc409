package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// booted is the only guest of this process: each reaps every child that there is.
var booted *guest

// TestMain is also the function of the tests below: it logs before it answers, and after.
func TestMain(m *testing.M) {
	if os.Getenv("GUEST_TEST_FUNCTION") == "" {
		code := m.Run()
		if booted != nil {
			booted.child.signal(9)
			os.RemoveAll(booted.dir)
		}
		os.Exit(code)
	}
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		resp, err := http.Get(api + "next")
		if err != nil {
			os.Exit(1)
		}
		event, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
		fmt.Println("before", id)
		answer(api+id, event)
		fmt.Println("after", id) // as Java's runtime does with its stack traces
	}
}

// answer posts progress where the event begins with "progress:", fails with an event that begins with "fail:", and gives what
// stands behind "echo:" back.
func answer(at string, event []byte) {
	post := func(path string, body []byte) string {
		resp, err := http.Post(at+path, "application/json", bytes.NewReader(body))
		if err != nil {
			os.Exit(1)
		}
		defer resp.Body.Close()
		return fmt.Sprint(resp.StatusCode)
	}
	switch kind, rest, _ := strings.Cut(string(event), ":"); kind {
	case "progress":
		post("/response", []byte(post("/progress", []byte(rest))))
	case "fail":
		post("/error", []byte(`{"errorMessage":"`+rest+`","errorType":"E"}`))
	case "echo":
		post("/response", []byte(rest))
	default:
		post("/response", []byte("1"))
	}
}

// boot starts the function under init, once.
func boot(t *testing.T) client.Dialer {
	t.Helper()
	if booted == nil {
		dir, err := os.MkdirTemp("", "guest")
		if err != nil {
			t.Fatal(err)
		}
		cfg := wire.Config{Function: "f", Version: "1", RuntimeAPI: "127.0.0.1:0", EventsAtOnce: 1, MaxPayload: 1 << 20, MemoryMB: 77, Env: map[string]string{"GUEST_TEST_FUNCTION": "1"}}
		out := os.Stdout
		if os.Stdout, err = os.Create(filepath.Join(dir, "log")); err != nil {
			t.Fatal(err)
		}
		defer func() { os.Stdout = out }()
		if booted, err = start(cfg, dir, []string{os.Args[0]}); err != nil {
			t.Fatal(err)
		}
	}
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(booted.dir, wire.SocketFile))
	}
}

type outcome struct {
	body     string
	end      wire.InvokeEnd
	progress []spec.Progress
}

func invoke(t *testing.T, dial client.Dialer, id, event string, tail bool) (o outcome, err error) {
	t.Helper()
	call := client.Call{Head: wire.InvokeHead{ID: id, Tail: tail}, Payload: []byte(event), OnProgress: func(p spec.Progress) { o.progress = append(o.progress, p) }}
	resp, err := client.Invoke(t.Context(), dial, call)
	if err != nil {
		return o, err
	}
	defer resp.Close()
	b, err := io.ReadAll(resp)
	o.body, o.end = string(b), resp.End()
	return o, err
}

// TestATailIsItsOwnCallers: with what the runtime logs after its answer, and without what it logged for somebody else.
func TestATailIsItsOwnCallers(t *testing.T) {
	dial := boot(t)
	for i := range 30 {
		id, tail := fmt.Sprint("id-", i), i%2 == 0 || i%3 == 0
		o, err := invoke(t, dial, id, "x", tail)
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if tail {
			want = "before " + id + "\nafter " + id + "\n"
		}
		if got := string(o.end.LogTail); got != want || o.body != "1" {
			t.Errorf("%s: tail %q, want %q", id, got, want)
		}
	}
}

// TestAReportOfAWrongTypeIsRefused and the work goes on.
func TestAReportOfAWrongTypeIsRefused(t *testing.T) {
	dial := boot(t)
	for report, want := range map[string]string{
		`{"step":1.5}`: "400", `{"step":"1"}`: "400", `{"steps":[]}`: "400", `{"preview":"%%%"}`: "400", `{"preview":7}`: "400", `{"message":{}}`: "400",
		`{"phase":1}`: "400", `{"seconds":"x"}`: "400", `{"step":1e99}`: "400", `[]`: "400", `x`: "400", ``: "400", `{"step":1`: "400", `null`: "400",
		`{"step":2,"steps":4}`: "202", ` {"step":2.0,"steps":4e0,"other":{}}`: "202", `{"phase":"<a>","preview":"aGk=","message":"é"}`: "202", `{}`: "202",
		`{"message":"` + strings.Repeat("\u2028", 200<<10) + `"}`: "413", `{"message":"` + strings.Repeat("\xff", 700<<10) + `"}`: "413",
	} {
		o, err := invoke(t, dial, "r", "progress:"+report, false)
		if err != nil || o.body != want || len(o.progress) != map[string]int{"202": 1}[want] {
			t.Errorf("%.60s: %s with %d, %v; want %s", report, o.body, len(o.progress), err, want)
		}
	}
	if o, err := invoke(t, dial, "r", `progress:{"step":3.0,"steps":4,"preview":"aGk="}`, false); err != nil || o.progress[0].Step != 3 || string(o.progress[0].Preview) != "hi" {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestNothingThatAClientSendsEndsTheInstance: an event that is too long is refused, and an error that repeats it reaches
// the client, however it would be escaped.
func TestNothingThatAClientSendsEndsTheInstance(t *testing.T) {
	dial := boot(t)
	for _, n := range []int{1<<20 + 1, 3 << 20, 40 << 20} {
		_, err := invoke(t, dial, "long", strings.Repeat("a", n), false)
		var f *client.Failure
		if !errors.As(err, &f) || f.Replace || !errdefs.IsOutOfRange(err) || !strings.Contains(err.Error(), "1048576 bytes") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for _, c := range []string{"<", "&", "é", "\u2028"} {
		o, err := invoke(t, dial, "err", "fail:"+strings.Repeat(c, 200<<10/len(c)), true)
		if err != nil || o.end.ErrorType != "E" {
			t.Errorf("%q: %+v, %v", c, o.end.ErrorType, err)
		}
	}
	if o, err := invoke(t, dial, "last", "x", false); err != nil || o.body != "1" {
		t.Errorf("the instance does not serve on: %v", err)
	}
}
