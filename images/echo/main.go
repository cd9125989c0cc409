// Command echo is a Lambda function for tests and benches: a static binary by provided.al2023 conventions. An event
// without options comes back as it is; see options for what else it can do.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	if os.Getenv("ECHO_IGNORE_TERM") != "" {
		signal.Ignore(syscall.SIGTERM)
	}
	if err := initialise(os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(3)
	}
	if os.Getenv("ECHO_RAW") != "" {
		lambda.Start(raw{})
		return
	}
	lambda.Start(handle)
}

// raw gives every event back unread. What aws-lambda-go's JSON costs (50 ms of CPU for 5 MiB) is not in its time.
type raw struct{}

// Invoke implements lambda.Handler.
func (raw) Invoke(_ context.Context, event []byte) ([]byte, error) { return event, nil }

// handle answers one event.
func handle(ctx context.Context, event json.RawMessage) (any, error) {
	if len(event) == 0 || event[0] != '{' || string(event) == "{}" {
		return event, nil
	}
	var o options
	if err := json.Unmarshal(asked(event), &o); err != nil {
		return event, nil //nolint:nilerr // an object of somebody else's
	}
	a, err := o.run(ctx)
	if a == nil && err == nil {
		return event, nil
	}
	return a, err
}

// asked is what an event asks for: its body where it is a function URL's, else the event itself.
func asked(event json.RawMessage) json.RawMessage {
	var url struct{ RawPath, Body string }
	if json.Unmarshal(event, &url) == nil && url.RawPath != "" && strings.HasPrefix(url.Body, "{") {
		return json.RawMessage(url.Body)
	}
	return event
}

// initialise does what the environment asks for before the first event: ECHO_INIT_SLEEP a duration, ECHO_INIT_HEAP_MB
// private memory, ECHO_INIT_FAIL a message to fail with, ECHO_RESTORE_HOOK to wait for a restore where a snapshot is made of
// it (with the value "fail" the hook fails). ECHO_IGNORE_TERM makes it deaf to SIGTERM, ECHO_RAW has it give every event back
// as it came.
func initialise(env func(string) string) error {
	randoms() // every generator is in use by the time a snapshot is made
	if s := env("ECHO_INIT_SLEEP"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("ECHO_INIT_SLEEP: %w", err)
		}
		time.Sleep(d)
	}
	if s := env("ECHO_INIT_HEAP_MB"); s != "" {
		var mb int
		if _, err := fmt.Sscan(s, &mb); err != nil || mb < 0 {
			return fmt.Errorf("ECHO_INIT_HEAP_MB=%q is not a number of MiB", s)
		}
		heap = fill(mb)
	}
	if s := env("ECHO_INIT_FAIL"); s != "" {
		return fmt.Errorf("told to fail: %s", s)
	}
	if hook := env("ECHO_RESTORE_HOOK"); hook != "" && env("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start" {
		return awaitRestore(hook)
	}
	return nil
}
