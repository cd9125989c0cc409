package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/videosdgx/videosdgx/runtime/dispatch"
	"github.com/videosdgx/videosdgx/runtime/events"
	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	"github.com/videosdgx/videosdgx/runtime/registry"
	"github.com/videosdgx/videosdgx/runtime/sandbox/process"
	"github.com/videosdgx/videosdgx/runtime/sandbox/sandboxtest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// live is everything from AWS's client down to processes.
type live struct {
	*sdk.Client
	addr     string
	registry *registry.Registry
	echo     string
}

// patience is for what comes sooner or later: on a machine that does other work it is later.
const patience = time.Minute

func newLive(t testing.TB) *live {
	t.Helper()
	bin, dir, quiet := sandboxtest.Build(t), t.TempDir(), slog.New(slog.DiscardHandler)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	reg, err := registry.New(registry.Config{Data: dir, Log: quiet})
	must(err)
	driver, err := process.New(process.Options{Root: dir + "/process", Init: bin.Init})
	must(err)
	d, err := dispatch.New(dispatch.Config{Functions: reg, Sandbox: driver, RunDir: dir + "/run", LogDir: dir + "/logs", Owner: "live", Log: quiet})
	must(err)
	reg.Subscribe(d.Changed)
	must(d.Start(context.Background()))
	store, err := events.OpenFiles(dir + "/events")
	must(err)
	guard, err := outgoing.NewGuard("127.0.0.1")
	must(err)
	q := events.New(events.Config{Invoker: d, Functions: reg, Store: store, RetryBase: time.Millisecond, Poster: outgoing.NewPoster(guard)})
	must(q.Start())
	s := gateway.New(gateway.Options{HeaderTimeout: patience, BodyTimeout: patience, Routes: []gateway.Routes{lambda.New(lambda.Options{Invoker: d, Functions: reg, Aliases: reg, Instances: d, Queue: q})}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go s.Serve(l)
	client := awshttp.NewBuildableClient()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		client.GetTransport().CloseIdleConnections()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
		q.Stop()
		if err := d.Stop(ctx); err != nil {
			t.Error(err)
		}
		reg.Close()
		driver.Close()
	})
	url := "http://" + l.Addr().String()
	return &live{registry: reg, echo: bin.Echo, addr: url, Client: sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &url, HTTPClient: client, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
	})}
}

func (l *live) put(t testing.TB, fn spec.Function) {
	t.Helper()
	fn.Command = []string{l.echo}
	if _, err := l.registry.Put(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func TestLiveInvoke(t *testing.T) {
	l := newLive(t)
	l.put(t, spec.Function{Name: "echo"})
	for _, c := range []struct{ event, failed, answer string }{
		{`{"a":1}`, "", `{"a":1}`},
		{`{"fail":"no such thing"}`, "any", "no such thing"},
		{`{"panic":"oh"}`, "any", "oh"},
		{`{"exit":3}`, "Unhandled", "Runtime.ExitError"},
		{`"still here"`, "", "still here"},
	} {
		out, err := l.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: echo, Payload: []byte(c.event), LogType: types.LogTypeTail})
		if err != nil {
			t.Errorf("%s: %v", c.event, err)
			continue
		}
		failed := aws.ToString(out.FunctionError)
		if c.failed == "any" && failed != "" {
			failed = "any"
		}
		if failed != c.failed || !strings.Contains(string(out.Payload), c.answer) {
			t.Errorf("%s: %q %s", c.event, failed, out.Payload)
		}
	}
}

// TestLiveTimeout: a function that is late is ended, and another instance takes its place.
func TestLiveTimeout(t *testing.T) {
	l := newLive(t)
	l.put(t, spec.Function{Name: "echo", Timeout: spec.Duration(time.Second)})
	invoke := func(event string) *sdk.InvokeOutput {
		return check(l.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: echo, Payload: []byte(event)}))(t)
	}
	late := invoke(`{"sleep":"1m","stubborn":true}`)
	if aws.ToString(late.FunctionError) != "Unhandled" || !strings.Contains(string(late.Payload), "Task timed out after 1.0") {
		t.Errorf("%q %s", aws.ToString(late.FunctionError), late.Payload)
	}
	for end := time.Now().Add(patience); ; { // an answer may take more than a second on a machine that does other work
		out := invoke(`"still here"`)
		if out.FunctionError == nil && string(out.Payload) == `"still here"` {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%q %s", aws.ToString(out.FunctionError), out.Payload)
		}
	}
}

func TestLiveStream(t *testing.T) {
	l := newLive(t)
	l.put(t, spec.Function{Name: "echo"})
	for event, code := range map[string]string{`{"stream":3}`: "", `{"stream":3,"streamFail":true}`: "any"} {
		out := check(l.InvokeWithResponseStream(t.Context(), &sdk.InvokeWithResponseStreamInput{FunctionName: echo, Payload: []byte(event)}))(t)
		var body strings.Builder
		failed := "incomplete"
		for e := range out.GetStream().Events() {
			switch e := e.(type) {
			case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
				body.Write(e.Value.Payload)
			case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
				failed = aws.ToString(e.Value.ErrorCode)
			}
		}
		out.GetStream().Close()
		if body.String() != "piece 0\npiece 1\npiece 2\n" || failed == "incomplete" || (failed != "") != (code != "") {
			t.Errorf("%s: %q, ended with %q", event, body.String(), failed)
		}
	}
}

func TestLiveThousandColdInvocations(t *testing.T) {
	l := newLive(t)
	l.put(t, spec.Function{Name: "echo", Concurrency: 3})
	var work sync.WaitGroup
	for i := range 1000 {
		work.Go(func() {
			event := fmt.Sprintf(`{"n":%d}`, i)
			out, err := l.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: echo, Payload: []byte(event)})
			if err != nil || string(out.Payload) != event {
				t.Errorf("%s: %v", event, err)
			}
		})
	}
	work.Wait()
}

// The record of a failed event goes to an http destination.
func TestLiveEventReachesItsDestination(t *testing.T) {
	l := newLive(t)
	got := make(chan string, 1)
	srv := sinkServer(t, got)
	none := 0
	l.put(t, spec.Function{Name: "echo", Async: spec.Async{Retries: &none, OnFailure: srv}})
	in := &sdk.InvokeInput{FunctionName: echo, InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"exit":1}`)}
	if out := check(l.Invoke(t.Context(), in))(t); out.StatusCode != 202 {
		t.Errorf("%+v", out)
	}
	if rec := <-got; !strings.Contains(rec, "RetriesExhausted") || !strings.Contains(rec, "Runtime.ExitError") {
		t.Error(rec)
	}
}

func TestLiveProvisionedConcurrency(t *testing.T) {
	l := newLive(t)
	l.put(t, spec.Function{Name: "echo", Concurrency: 2})
	check(l.PublishVersion(t.Context(), &sdk.PublishVersionInput{FunctionName: echo}))(t)
	one := aws.String("1")
	check(l.PutProvisionedConcurrencyConfig(t.Context(), &sdk.PutProvisionedConcurrencyConfigInput{FunctionName: echo, Qualifier: one, ProvisionedConcurrentExecutions: aws.Int32(2)}))(t)
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		p := check(l.GetProvisionedConcurrencyConfig(t.Context(), &sdk.GetProvisionedConcurrencyConfigInput{FunctionName: echo, Qualifier: one}))(t)
		if p.Status == types.ProvisionedConcurrencyStatusEnumReady && *p.AllocatedProvisionedConcurrentExecutions == 2 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%+v", p)
		}
	}
}

// A function that does not become ready has failed as one that ran: Lambda's clients find its error, not the service's.
func TestLiveInitFailures(t *testing.T) {
	l := newLive(t)
	soon := spec.Duration(300 * time.Millisecond)
	for name, c := range map[string]struct {
		fn         spec.Function
		kind, text string
	}{
		"exits":   {spec.Function{Env: map[string]string{"ECHO_INIT_FAIL": "no luck"}}, "Runtime.ExitError", "no luck"},
		"late":    {spec.Function{Env: map[string]string{"ECHO_INIT_SLEEP": "1m"}, InitTimeout: soon}, "Sandbox.Timedout", "initTimeout"},
		"missing": {spec.Function{Command: []string{"/no/such/command"}}, "Runtime.InvalidEntrypoint", "/no/such/command"},
	} {
		c.fn.Name = name
		if c.fn.Command == nil {
			c.fn.Command = []string{l.echo}
		}
		if _, err := l.registry.Put(t.Context(), c.fn); err != nil {
			t.Fatal(err)
		}
		out := check(l.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: &name, LogType: types.LogTypeTail}))(t)
		var body struct{ ErrorType, ErrorMessage string }
		if err := json.Unmarshal(out.Payload, &body); err != nil || aws.ToString(out.FunctionError) != "Unhandled" || *out.ExecutedVersion != "$LATEST" ||
			body.ErrorType != c.kind || !strings.HasPrefix(body.ErrorMessage, "RequestId: ") || !strings.Contains(body.ErrorMessage, c.text) {
			t.Errorf("%s: %q %s", name, aws.ToString(out.FunctionError), out.Payload)
		}
		if name == "exits" && !strings.Contains(decoded(t, out.LogResult), "no luck") {
			t.Errorf("log %q", decoded(t, out.LogResult))
		}
		stream := check(l.InvokeWithResponseStream(t.Context(), &sdk.InvokeWithResponseStreamInput{FunctionName: &name}))(t)
		code := ""
		for e := range stream.GetStream().Events() {
			if e, ok := e.(*types.InvokeWithResponseStreamResponseEventMemberInvokeComplete); ok {
				code = aws.ToString(e.Value.ErrorCode)
			}
		}
		stream.GetStream().Close()
		if code != c.kind {
			t.Errorf("%s: streamed, it ends with %q", name, code)
		}
	}
}

// Reserved concurrency 0 stops a function, its published versions with it, at once and until it is taken away.
func TestLiveReservedConcurrencyOfNoneThrottles(t *testing.T) {
	l := newLive(t)
	l.put(t, spec.Function{Name: "echo"})
	check(l.PublishVersion(t.Context(), &sdk.PublishVersionInput{FunctionName: echo}))(t)
	invoke := func(q string) error {
		_, err := l.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: echo, Qualifier: &q})
		return err
	}
	for _, q := range []string{"1", "$LATEST"} {
		if err := invoke(q); err != nil {
			t.Fatal(err)
		}
	}
	none := &sdk.PutFunctionConcurrencyInput{FunctionName: echo, ReservedConcurrentExecutions: aws.Int32(0)}
	if c := check(l.PutFunctionConcurrency(t.Context(), none))(t); *c.ReservedConcurrentExecutions != 0 {
		t.Errorf("%+v", c)
	}
	var throttled *types.TooManyRequestsException
	for _, q := range []string{"1", "$LATEST"} {
		if err := invoke(q); !errors.As(err, &throttled) || throttled.Reason != types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded {
			t.Errorf("%s: %v", q, err)
		}
	}
	check(l.DeleteFunctionConcurrency(t.Context(), &sdk.DeleteFunctionConcurrencyInput{FunctionName: echo}))(t)
	for _, q := range []string{"1", "$LATEST"} {
		if err := invoke(q); err != nil {
			t.Errorf("%s: %v", q, err)
		}
	}
}

func BenchmarkLiveInvoke(b *testing.B) {
	l := newLive(b)
	l.put(b, spec.Function{Name: "echo", Concurrency: 2, EventsAtOnce: 2})
	c := newRawClient(l.addr)
	defer c.CloseIdleConnections()
	if err := c.invoke("echo"); err != nil { // cold
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := c.invoke("echo"); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
