package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

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
