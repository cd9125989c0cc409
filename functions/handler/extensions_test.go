package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/containerd/errdefs"
)

// api is a Runtime API's extensions, on a loopback port.
type api struct {
	mu      sync.Mutex
	reports []report
	errors  []string
	hold    chan struct{} // a report waits for it, when set
	arrived chan struct{} // gets a value when one does
	cancel  chan struct{} // closed: the invocation is cancelled
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/invocation/id-1/progress"):
		var rep report
		if json.NewDecoder(r.Body).Decode(&rep) != nil {
			w.WriteHeader(400)
			return
		}
		if a.hold != nil {
			select {
			case a.arrived <- struct{}{}:
			default:
			}
			<-a.hold
		}
		a.mu.Lock()
		a.reports = append(a.reports, rep)
		a.mu.Unlock()
		w.WriteHeader(202)
	case strings.HasSuffix(r.URL.Path, "/invocation/id-1/cancellation"):
		select {
		case <-a.cancel:
			fmt.Fprint(w, `{"cancelled":true}`)
		case <-r.Context().Done():
		}
	case strings.HasSuffix(r.URL.Path, "/init/error"):
		raw, _ := io.ReadAll(r.Body)
		a.errors = append(a.errors, string(raw))
	}
}

func (a *api) start(t *testing.T, extensions string) context.Context {
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	t.Setenv("AWS_LAMBDA_RUNTIME_API", strings.TrimPrefix(s.URL, "http://"))
	t.Setenv("VIDEOSDGX_EXTENSIONS", extensions)
	return lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "id-1"})
}

func TestProgressIsReported(t *testing.T) {
	a := &api{hold: make(chan struct{}), arrived: make(chan struct{}, 1), cancel: make(chan struct{})}
	ctx := a.start(t, "progress,cancel")
	h, _ := newHandler(t, film{generate: func(ctx context.Context, r Request, out Output) error {
		for s := range 50 { // the first is held: none of these may wait
			p := Progress{Phase: "denoise", Step: s + 1, Steps: 50}
			if s == 20 {
				p.Preview = image.NewGray(image.Rect(0, 0, 8, 8))
			}
			out.Progress(p)
			if s == 0 {
				<-a.arrived
			}
		}
		close(a.hold)
		return film{}.Generate(ctx, r, out)
	}})
	if _, err := h.Invoke(ctx, json.RawMessage(`{"prompt":"a","preview":true}`)); err != nil {
		t.Fatal(err)
	}
	n := len(a.reports)
	if n < 2 || n > 40 {
		t.Fatalf("%d reports", n)
	}
	if last := a.reports[n-1]; last.Phase != "mux" {
		t.Errorf("the last report is %+v", last)
	}
	pictures := 0
	for _, r := range a.reports {
		if len(r.Preview) > 0 {
			pictures++
		}
	}
	if pictures == 0 {
		t.Error("no preview arrived")
	}
}

func TestNoExtensionsNoCalls(t *testing.T) {
	a := &api{}
	ctx := a.start(t, "")
	h, _ := newHandler(t, film{})
	if _, err := h.Invoke(ctx, json.RawMessage(`{"prompt":"a","preview":true}`)); err != nil || len(a.reports) != 0 {
		t.Errorf("%v, %v", a.reports, err)
	}
}

func TestCancelEndsTheClip(t *testing.T) {
	a := &api{cancel: make(chan struct{})}
	ctx := a.start(t, "cancel")
	h, _ := newHandler(t, film{generate: func(ctx context.Context, _ Request, _ Output) error {
		close(a.cancel)
		<-ctx.Done()
		return ctx.Err()
	}})
	_, err := h.Invoke(ctx, json.RawMessage(`{"prompt":"a"}`))
	var e messages.InvokeResponse_Error
	if !errors.As(err, &e) || e.Type != "Cancelled" {
		t.Errorf("got %+v", err)
	}
}

func TestInitErrorIsReported(t *testing.T) {
	a := &api{}
	a.start(t, "")
	if err := initError(fromEnvironment(), errors.New("bundle gone")); err != nil {
		t.Fatal(err)
	}
	if len(a.errors) != 1 || !strings.Contains(a.errors[0], "bundle gone") || !strings.Contains(a.errors[0], "Init.GenerationFailed") {
		t.Errorf("got %v", a.errors)
	}
	if err := initError(fromEnvironment(), fmt.Errorf("acceptLicense: strict would do: %w", errdefs.ErrPermissionDenied)); err != nil {
		t.Fatal(err)
	}
	if len(a.errors) != 2 || !strings.Contains(a.errors[1], "Init.Refused") || !strings.Contains(a.errors[1], `acceptLicense: strict would do"`) {
		t.Errorf("got %v", a.errors)
	}
}
