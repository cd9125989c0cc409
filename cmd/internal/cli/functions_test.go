package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/admin"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	fnurl "github.com/videosdgx/videosdgx/runtime/gateway/url"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// fleet is what runs in these tests: one instance of each function.
type fleet struct{ *gatewaytest.Catalog }

func (f fleet) Instances(ctx context.Context) ([]spec.InstanceStatus, error) {
	fns, err := f.List(ctx)
	var all []spec.InstanceStatus
	for _, fn := range fns {
		all = append(all, spec.InstanceStatus{ID: fn.Name + "-1", Function: fn.Name, Version: "$LATEST", State: spec.Idle, Memory: 64 << 20})
	}
	return all, err
}

func (f fleet) Status(ctx context.Context, name string) (spec.FunctionStatus, error) {
	fn, err := f.Get(ctx, name, "")
	return spec.FunctionStatus{Function: fn, Instances: 1}, err
}

func (f fleet) StopInstance(ctx context.Context, id string) error {
	_, err := f.Get(ctx, strings.TrimSuffix(id, "-1"), "")
	return err
}

func (f fleet) Logs(_ context.Context, name string, _ bool, w io.Writer) error {
	_, err := fmt.Fprintf(w, "2026-01-02T03:04:05.678Z\t%s-1\tid-1\thello\tfrom %[1]s\n-\t%[1]s-1\t-\tloading\n", name)
	return err
}

// newCLI starts a gateway and gives a function that runs one command line against it and returns what it printed.
func newCLI(t *testing.T, invoke gatewaytest.Invoker) func(args ...string) (string, string, error) {
	c := &gatewaytest.Catalog{}
	f := fleet{c}
	urls := fnurl.New(fnurl.Options{Invoker: invoke, Functions: c})
	return against(t, gateway.Options{
		Wrap: []func(http.Handler) http.Handler{urls.Wrap},
		Routes: []gateway.Routes{
			lambda.New(lambda.Options{Invoker: invoke, Functions: c, Aliases: c}), admin.New(admin.Options{Functions: c, Instances: f}),
		},
	})
}

// against starts a gateway and gives a function like newCLI's.
func against(t *testing.T, o gateway.Options) func(args ...string) (string, string, error) {
	srv := httptest.NewServer(gateway.New(o).Handler())
	t.Cleanup(srv.Close)
	return func(args ...string) (string, string, error) {
		root := Root()
		var out, errs bytes.Buffer
		root.SetOut(&out)
		root.SetErr(&errs)
		root.SetArgs(append(args, "--server", srv.URL))
		err := root.ExecuteContext(t.Context())
		return out.String(), errs.String(), err
	}
}

func TestDeployInvokePsLogs(t *testing.T) {
	run := newCLI(t, gatewaytest.Echo)
	dir := t.TempDir()
	manifest := "name: echo\nimage: oci:layout\ntimeout: 30s\n"
	if err := os.WriteFile(filepath.Join(dir, "function.yaml"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second deploys anew and moves the alias
		if out, _, err := run("deploy", dir, "--alias", "live"); err != nil || !strings.Contains(out, "echo:1 deployed") {
			t.Fatalf("%q %v", out, err)
		}
	}
	if out, _, err := run("invoke", "echo:live", "--payload", `{"a":1}`); err != nil || out != "{\"a\":1}\n" {
		t.Errorf("%q %v", out, err)
	}
	if out, errs, err := run("invoke", "echo", "-p", `{"a":1}`, "--json", "--logs", "--timing"); err != nil || !strings.Contains(out, `"version": "$LATEST"`) || !strings.Contains(errs, "hello\nEND RequestId: ") || !strings.Contains(errs, "total") {
		t.Errorf("%q %q %v", out, errs, err)
	}
	if out, _, err := run("ps"); err != nil || !strings.Contains(out, "echo-1") || !strings.Contains(out, "64MiB") {
		t.Errorf("%q %v", out, err)
	}
	if out, _, err := run("ps", "--functions", "--json"); err != nil || !strings.Contains(out, "oci:"+dir+"/layout") {
		t.Errorf("%q %v", out, err)
	}
	if out, _, err := run("logs", "echo"); err != nil || out != "2026-01-02T03:04:05.678Z\techo-1\tid-1\thello\tfrom echo\n-\techo-1\t-\tloading\n" {
		t.Errorf("%q %v", out, err)
	}
	if out, _, err := run("logs", "echo", "--json"); err != nil || out != `{"function":"echo","time":"2026-01-02T03:04:05.678Z","instance":"echo-1","requestId":"id-1","line":"hello\tfrom echo"}`+"\n"+`{"function":"echo","instance":"echo-1","line":"loading"}`+"\n" {
		t.Errorf("%q %v", out, err)
	}
	for _, args := range [][]string{{"ps", "nope"}, {"ps", "--functions", "nope"}} {
		if out, _, err := run(args...); err == nil || !strings.Contains(err.Error(), "nope") {
			t.Errorf("%v: %q %v", args, out, err)
		}
	}
	if out, _, err := run("deploy", "--name", "echo", "--remove", "--json"); err != nil || out != "{\n  \"removed\": \"echo\"\n}\n" {
		t.Errorf("%q %v", out, err)
	}
	if _, _, err := run("invoke", "echo"); err == nil || !strings.Contains(err.Error(), "function not found: echo") {
		t.Error(err)
	}
}

func TestInvokeEndsWithOneWhereTheFunctionFails(t *testing.T) {
	run := newCLI(t, func(context.Context, spec.Invocation) (*spec.Result, error) {
		return gatewaytest.Fail("Unhandled", "Boom", []byte(`{"errorType":"Boom"}`)), nil
	})
	if _, _, err := run("deploy", "--name", "bad", "--image", "x"); err != nil {
		t.Fatal(err)
	}
	out, _, err := run("invoke", "bad")
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 1 || !strings.Contains(out, "Boom") {
		t.Errorf("%q %v", out, err)
	}
}

func TestWrongUsageSaysTheNextStep(t *testing.T) {
	run := newCLI(t, gatewaytest.Echo)
	for want, args := range map[string][]string{
		"not JSON":             {"invoke", "x", "-p", "{"},
		"which function?":      {"deploy"},
		"--image is missing":   {"deploy", "--name", "x"},
		"there is no /nowhere": {"deploy", "/nowhere"},
	} {
		if _, _, err := run(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
}
