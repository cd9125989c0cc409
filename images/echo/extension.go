package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// endpoint is the address of one of the runtime's extensions to the Runtime API for this event.
func endpoint(ctx context.Context, name string) string {
	id := ""
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		id = lc.AwsRequestID
	}
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/" + id + "/" + name
}

func report(ctx context.Context, step, steps int) error {
	b, err := json.Marshal(map[string]any{"phase": "echo", "step": step, "steps": steps})
	if err != nil {
		return err
	}
	resp, err := http.Post(endpoint(ctx, "progress"), "application/json", bytes.NewReader(b)) //nolint:noctx // loopback
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("progress: %s", resp.Status)
	}
	return nil
}

// restores is how often the restore hook has run.
var restores int

// awaitRestore does what AWS's runtimes do with restore hooks.
func awaitRestore(hook string) error {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/restore/"
	resp, err := http.Get(api + "next") //nolint:noctx // as long as it takes
	if err != nil {
		return err
	}
	resp.Body.Close()
	restores++
	if hook != "fail" {
		return nil
	}
	resp, err = http.Post(api+"error", "application/json", strings.NewReader(`{"errorType":"Runtime.RestoreHook","errorMessage":"told to fail"}`)) //nolint:noctx // loopback
	if err != nil {
		return err
	}
	resp.Body.Close()
	return errors.New("the restore hook failed")
}

// watch closes cancelled when the invocation has been cancelled.
func watch(ctx context.Context, cancelled chan<- struct{}) {
	resp, err := http.Get(endpoint(ctx, "cancellation")) //nolint:noctx // ends with the invocation
	if err != nil {
		return
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		close(cancelled)
	}
}
