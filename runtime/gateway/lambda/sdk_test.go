package lambda_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// bench is one API with its fakes and a client from AWS.
type bench struct {
	*sdk.Client
	url     string
	catalog *gatewaytest.Catalog
	queue   *queue
	last    *http.Response // of the client's latest call
}

type queue struct {
	mu  sync.Mutex
	all []spec.Invocation
	err error
}

func (q *queue) Enqueue(_ context.Context, inv spec.Invocation) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all = append(q.all, inv)
	return q.err
}

type seen struct{ b *bench }

func (s seen) Do(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultClient.Do(r)
	s.b.last = resp
	return resp, err
}

func newBench(t *testing.T, invoke gatewaytest.Invoker, change ...func(*lambda.Options)) *bench {
	t.Helper()
	b := &bench{catalog: &gatewaytest.Catalog{}, queue: &queue{}}
	o := lambda.Options{Invoker: invoke, Functions: b.catalog, Aliases: b.catalog, Instances: instances{}, Queue: b.queue}
	for _, f := range change {
		f(&o)
	}
	srv := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{lambda.New(o)}}).Handler())
	t.Cleanup(func() { srv.Close(); http.DefaultClient.CloseIdleConnections() })
	b.url = srv.URL
	b.Client = sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &srv.URL, HTTPClient: seen{b}, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
	})
	return b
}

// instances knows no Status and no Logs.
type instances struct{ unused }

type unused interface {
	Status(ctx context.Context, function string) (spec.FunctionStatus, error)
	Logs(ctx context.Context, function string, follow bool, w io.Writer) error
}

func (instances) Instances(context.Context) ([]spec.InstanceStatus, error) {
	return []spec.InstanceStatus{
		{ID: "a", Function: "echo", Version: "1", State: spec.Idle},
		{ID: "b", Function: "echo", Version: "1", State: spec.Busy},
		{ID: "c", Function: "echo", Version: "1", State: spec.Staged},
	}, nil
}

// add puts a function in and fails the test if it cannot.
func (b *bench) add(t *testing.T, fn spec.Function) {
	t.Helper()
	if fn.Image == "" {
		fn.Image = "localhost/echo:1"
	}
	if _, err := b.catalog.Put(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// check fails the test at an error and gives the value.
func check[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestInvokeRequestResponse(t *testing.T) {
	var got spec.Invocation
	b := newBench(t, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		got = inv
		return gatewaytest.Answer(inv.Payload), nil
	})
	b.add(t, spec.Function{Name: "echo", Limits: spec.Limits{Memory: 128 << 20}})
	out := check(b.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("echo"), Payload: []byte(`{"a":1}`), LogType: types.LogTypeTail,
		ClientContext: aws.String("eyJrIjoxfQ==")}))(t)
	if string(out.Payload) != `{"a":1}` || out.StatusCode != 200 || *out.ExecutedVersion != "$LATEST" || out.FunctionError != nil {
		t.Errorf("%+v", out)
	}
	if !got.Tail || got.ClientContext != `{"k":1}` || got.Function != "echo" || len(got.ID) != 36 || !strings.HasPrefix(got.TraceID, "Root=1-") {
		t.Errorf("%+v", got)
	}
	log := "START RequestId: ID Version: $LATEST\nhello\nEND RequestId: ID\nREPORT RequestId: ID\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\t\n"
	if text := decoded(t, out.LogResult); text != strings.ReplaceAll(log, "ID", got.ID) {
		t.Errorf("log %q", text)
	}
	h := b.last.Header
	if st := h.Get("Server-Timing"); !strings.HasPrefix(st, "queue;dur=0.02, run;dur=1, total;dur=") {
		t.Errorf("Server-Timing %q", st)
	}
	if h.Get("X-Amzn-Requestid") != got.ID {
		t.Errorf("request id %q, invocation %q", h.Get("X-Amzn-Requestid"), got.ID)
	}
}

// decoded is a LogResult as text, which holds 4 KiB at most.
func decoded(t *testing.T, log *string) string {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(aws.ToString(log))
	if err != nil || len(text) > 4<<10 {
		t.Fatalf("log of %d bytes: %v", len(text), err)
	}
	return string(text)
}

func TestTheLogsEndIsGiven(t *testing.T) {
	trailer := spec.Trailer{LogTail: bytes.Repeat([]byte("x"), 4<<10), Run: 3 * time.Second, FunctionError: "Unhandled", ErrorType: "Sandbox.Timedout", ErrorBody: []byte("{}")}
	b := newBench(t, func(context.Context, spec.Invocation) (*spec.Result, error) {
		r := gatewaytest.Answer(nil)
		r.Phases, r.Trailer = spec.Phases{Init: 12500 * time.Microsecond, Cold: true}, func() spec.Trailer { return trailer }
		return r, nil
	})
	b.add(t, spec.Function{Name: "echo"})
	out := check(b.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("echo"), LogType: types.LogTypeTail}))(t)
	if text := decoded(t, out.LogResult); len(text) != 4<<10 || !strings.HasPrefix(text, "xxx") || !strings.Contains(text, "x\nEND RequestId: ") ||
		!strings.HasSuffix(text, "\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 0 MB\tInit Duration: 12.50 ms\tStatus: timeout\t\n") {
		t.Errorf("%d bytes, end %q", len(text), text[len(text)-300:])
	}
}

func TestInvokeTakesEveryFormOfName(t *testing.T) {
	b := newBench(t, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		return gatewaytest.Answer([]byte(`"` + inv.Function + "|" + inv.Qualifier + `"`)), nil
	})
	b.add(t, spec.Function{Name: "echo"})
	check(b.PublishVersion(t.Context(), &sdk.PublishVersionInput{FunctionName: aws.String("echo")}))(t)
	for name, want := range map[string]string{
		"echo": `"echo|"`, "echo:1": `"echo|1"`, "123456789012:function:echo": `"echo|"`,
		"arn:aws:lambda:eu-west-1:123456789012:function:echo":         `"echo|"`,
		"arn:aws:lambda:eu-west-1:123456789012:function:echo:1":       `"echo|1"`,
		"arn:aws:lambda:eu-west-1:123456789012:function:echo:$LATEST": `"echo|$LATEST"`,
		"function": `"echo|"`, // the emulator's name for the only function
	} {
		out, err := b.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: &name})
		if err != nil || string(out.Payload) != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	out := check(b.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("echo"), Qualifier: aws.String("1")}))(t)
	if string(out.Payload) != `"echo|1"` {
		t.Errorf("%s", out.Payload)
	}
	_, err := b.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("echo:1"), Qualifier: aws.String("$LATEST")})
	var bad *types.InvalidParameterValueException
	if !errors.As(err, &bad) {
		t.Errorf("two qualifiers: %v", err)
	}
}

func TestInvokeFunctionError(t *testing.T) {
	body := []byte(`{"errorMessage":"no","errorType":"ValueError"}`)
	kind := ""
	b := newBench(t, func(context.Context, spec.Invocation) (*spec.Result, error) {
		return gatewaytest.Fail(kind, "ValueError", body), nil
	})
	b.add(t, spec.Function{Name: "echo"})
	for _, kind = range []string{"Handled", "Unhandled"} { // Lambda calls both the same
		out := check(b.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("echo")}))(t)
		if out.StatusCode != 200 || *out.FunctionError != "Unhandled" || string(out.Payload) != string(body) {
			t.Errorf("%s: %+v", kind, out)
		}
	}
}

func TestInvokeErrorsHaveLambdasTypes(t *testing.T) {
	var fail error
	b := newBench(t, func(context.Context, spec.Invocation) (*spec.Result, error) { return nil, fail })
	b.add(t, spec.Function{Name: "echo", Limits: spec.Limits{Payload: 16}})
	invoke := func(name, payload string) error {
		_, err := b.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: &name, Payload: []byte(payload)})
		return err
	}
	var notFound *types.ResourceNotFoundException
	if err := invoke("ecko", "{}"); !errors.As(err, &notFound) || !strings.Contains(*notFound.Message, "did you mean echo?") {
		t.Errorf("unknown: %v", err)
	}
	var badContent *types.InvalidRequestContentException
	if err := invoke("echo", "{nope"); !errors.As(err, &badContent) {
		t.Errorf("wrong JSON: %v", err)
	}
	var large *types.RequestTooLargeException
	if err := invoke("echo", `"`+strings.Repeat("x", 20)+`"`); !errors.As(err, &large) || b.last.StatusCode != 413 {
		t.Errorf("oversized: %v", err)
	}
	var invalid *types.InvalidParameterValueException
	if err := invoke("e!", "{}"); !errors.As(err, &invalid) {
		t.Errorf("name: %v", err)
	}
	fail = &spec.RetryError{After: 1500 * time.Millisecond, Err: errdefs.ErrResourceExhausted.WithMessage("queue is full")}
	var throttled *types.TooManyRequestsException
	if err := invoke("echo", "{}"); !errors.As(err, &throttled) || b.last.Header.Get("Retry-After") != "2" || b.last.StatusCode != 429 {
		t.Errorf("throttled: %v, Retry-After %q", err, b.last.Header.Get("Retry-After"))
	}
	if throttled.Reason != types.ThrottleReasonConcurrentInvocationLimitExceeded {
		t.Errorf("reason %q", throttled.Reason)
	}
	fail = &spec.RetryError{Reason: spec.OverReserved, Err: errdefs.ErrResourceExhausted.WithMessage("reserved concurrency is 0")}
	if err := invoke("echo", "{}"); !errors.As(err, &throttled) || throttled.Reason != types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded ||
		b.last.Header.Get("Retry-After") != "" {
		t.Errorf("reserved: %v, reason %q, Retry-After %q", err, throttled.Reason, b.last.Header.Get("Retry-After"))
	}
	fail = errors.New("broken")
	var service *types.ServiceException
	if err := invoke("echo", "{}"); !errors.As(err, &service) || b.last.StatusCode != 500 {
		t.Errorf("internal: %v", err)
	}
}

func TestInvokeAnswerTooLarge(t *testing.T) {
	b := newBench(t, gatewaytest.Echo, func(o *lambda.Options) { o.Response = 8 })
	b.add(t, spec.Function{Name: "echo"})
	out := check(b.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("echo"), Payload: []byte(`"0123456789"`)}))(t)
	if out.FunctionError == nil || !strings.Contains(string(out.Payload), "Function.ResponseSizeTooLarge") {
		t.Errorf("%s", out.Payload)
	}
}

func TestInvokeEventAndDryRun(t *testing.T) {
	b := newBench(t, func(context.Context, spec.Invocation) (*spec.Result, error) {
		t.Error("an Event or DryRun must not be invoked here")
		return nil, errdefs.ErrInternal
	}, func(o *lambda.Options) { o.Async = 32 })
	b.add(t, spec.Function{Name: "echo"})
	in := &sdk.InvokeInput{FunctionName: aws.String("echo"), InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"n":1}`)}
	if out := check(b.Invoke(t.Context(), in))(t); out.StatusCode != 202 || len(b.queue.all) != 1 || string(b.queue.all[0].Payload) != `{"n":1}` {
		t.Errorf("%+v %+v", out, b.queue.all)
	}
	in.Payload = []byte(`"` + strings.Repeat("x", 40) + `"`)
	var large *types.RequestTooLargeException
	if _, err := b.Invoke(t.Context(), in); !errors.As(err, &large) {
		t.Errorf("large event: %v", err)
	}
	in = &sdk.InvokeInput{FunctionName: aws.String("echo"), InvocationType: types.InvocationTypeDryRun}
	if out := check(b.Invoke(t.Context(), in))(t); out.StatusCode != 204 {
		t.Errorf("%+v", out)
	}
	//nolint:staticcheck // deprecated, and still what older clients call
	check(b.InvokeAsync(t.Context(), &sdk.InvokeAsyncInput{FunctionName: aws.String("echo"), InvokeArgs: strings.NewReader("{}")}))(t)
	if len(b.queue.all) != 2 {
		t.Errorf("%d queued", len(b.queue.all))
	}
}

func TestInvokeWithResponseStream(t *testing.T) {
	trailer := spec.Trailer{}
	b := newBench(t, func(context.Context, spec.Invocation) (*spec.Result, error) {
		return gatewaytest.Stream("text/plain", strings.NewReader(strings.Repeat("frame ", 40000)), trailer), nil
	})
	b.add(t, spec.Function{Name: "echo"})
	read := func() (string, *types.InvokeWithResponseStreamCompleteEvent) {
		out := check(b.InvokeWithResponseStream(t.Context(), &sdk.InvokeWithResponseStreamInput{FunctionName: aws.String("echo"), LogType: types.LogTypeTail}))(t)
		defer out.GetStream().Close()
		var body strings.Builder
		var end *types.InvokeWithResponseStreamCompleteEvent
		for e := range out.GetStream().Events() {
			switch e := e.(type) {
			case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
				body.Write(e.Value.Payload)
			case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
				end = &e.Value
			}
		}
		if err := out.GetStream().Err(); err != nil || end == nil {
			t.Fatalf("stream: %v, end %v", err, end)
		}
		return body.String(), end
	}
	if body, end := read(); body != strings.Repeat("frame ", 40000) || end.ErrorCode != nil {
		t.Errorf("%d bytes, end %+v", len(body), end)
	}
	trailer = spec.Trailer{FunctionError: "Unhandled", ErrorType: "Runtime.Crash", ErrorBody: []byte(`{"errorMessage":"x"}`), LogTail: []byte("log")}
	if _, end := read(); aws.ToString(end.ErrorCode) != "Runtime.Crash" || *end.ErrorDetails != `{"errorMessage":"x"}` || !strings.Contains(decoded(t, end.LogResult), "\nlog\nEND RequestId: ") {
		t.Errorf("end %+v", end)
	}
}
