package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mrand "math/rand"
	mrand2 "math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/uuid"
)

// options is an event that asks for something. They are done in the order of the fields.
type options struct {
	Log        string   `json:"log"`        // a line for stderr
	AllocateMB int      `json:"allocateMb"` // memory to hold while this event runs
	Progress   int      `json:"progress"`   // this many progress reports
	Sleep      string   `json:"sleep"`      // a duration; ends early at the deadline or, with watch, at a cancel
	Watch      bool     `json:"watch"`      // listen for a cancel while sleeping
	Stubborn   bool     `json:"stubborn"`   // sleep past deadline and cancel
	Orphan     bool     `json:"orphan"`     // leave a process behind, in a session of its own
	Fail       string   `json:"fail"`       // return this error
	Panic      string   `json:"panic"`
	Exit       *int     `json:"exit"`   // end the process
	Signal     int      `json:"signal"` // a signal for oneself
	Stream     int      `json:"stream"` // answer in this many pieces, StreamGap apart
	StreamGap  string   `json:"streamGap"`
	StreamFail bool     `json:"streamFail"` // fail after the last piece
	Bytes      int      `json:"bytes"`      // answer with this many bytes
	Random     bool     `json:"random"`     // random bytes, a UUID and math/rand numbers
	Env        bool     `json:"env"`        // the environment
	Context    bool     `json:"context"`    // what Lambda says of the invocation
	Time       bool     `json:"time"`       // the clocks
	Identify   bool     `json:"identify"`   // process, user, host
	Restores   bool     `json:"restores"`   // how often the restore hook has run
	Lock       string   `json:"lock"`       // a file to lock for good; the answer says whether it was free
	Map        string   `json:"map"`        // a file to map for good; the answer is its first byte, by the mapping of an earlier event where there is one
	Run        []string `json:"run"`        // a command; its output is the answer
}

var heap []byte //nolint:unused // ECHO_INIT_HEAP_MB: being reachable is its use

// fill makes private memory that does not compress.
func fill(mb int) []byte {
	b := make([]byte, mb<<20)
	mrand2.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func (o *options) run(ctx context.Context) (any, error) {
	if o.Log != "" {
		fmt.Fprintln(os.Stderr, o.Log)
	}
	if o.AllocateMB > 0 {
		held := fill(o.AllocateMB)
		defer func() { clear(held[:1]) }() // alive until then
	}
	if err := o.takeTime(ctx); err != nil {
		return nil, err
	}
	if err := o.misbehave(); err != nil {
		return nil, err
	}
	return o.answer(ctx)
}

func (o *options) takeTime(ctx context.Context) error {
	for i := range o.Progress {
		if err := report(ctx, i+1, o.Progress); err != nil {
			return err
		}
	}
	if o.Sleep == "" {
		return nil
	}
	d, err := time.ParseDuration(o.Sleep)
	if err != nil {
		return err
	}
	if o.Stubborn {
		time.Sleep(d)
		return nil
	}
	cancelled := make(chan struct{})
	if o.Watch {
		go watch(ctx, cancelled)
	}
	select {
	case <-time.After(d):
		return nil
	case <-cancelled:
		return errors.New("cancelled")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o *options) misbehave() error {
	if o.Orphan {
		c := exec.Command("sleep", "1000")
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := c.Start(); err != nil {
			return err
		}
	}
	if o.Panic != "" {
		panic(o.Panic)
	}
	if o.Exit != nil {
		os.Exit(*o.Exit)
	}
	if o.Signal != 0 {
		syscall.Kill(os.Getpid(), syscall.Signal(o.Signal))
		select {}
	}
	if o.Fail != "" {
		return errors.New(o.Fail)
	}
	return nil
}

func (o *options) answer(ctx context.Context) (any, error) {
	switch {
	case o.Stream > 0:
		return o.stream()
	case o.Bytes > 0:
		return strings.NewReader(strings.Repeat("x", o.Bytes)), nil
	case o.Random:
		return randoms(), nil
	case o.Env:
		return environ(), nil
	case o.Context:
		return invocation(ctx), nil
	case o.Time:
		return clocks(), nil
	case o.Restores:
		return map[string]any{"restores": restores}, nil
	case o.Identify:
		return identity(), nil
	case o.Lock != "":
		return lock(o.Lock)
	case o.Map != "":
		return mapFile(o.Map)
	case len(o.Run) > 0:
		out, err := exec.CommandContext(ctx, o.Run[0], o.Run[1:]...).CombinedOutput()
		return map[string]any{"output": string(out), "error": fmt.Sprint(err)}, nil
	}
	return nil, nil
}

func (o *options) stream() (io.Reader, error) {
	gap, err := time.ParseDuration("0s" + o.StreamGap)
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	go func() {
		for i := range o.Stream {
			if i > 0 {
				time.Sleep(gap)
			}
			fmt.Fprintf(w, "piece %d\n", i)
		}
		if o.StreamFail {
			w.CloseWithError(errors.New("told to fail"))
		}
		w.Close()
	}()
	return r, nil
}

func randoms() map[string]any {
	b := make([]byte, 16)
	rand.Read(b)
	return map[string]any{
		"bytes": hex.EncodeToString(b), "uuid": uuid.NewString(),
		"mathRand":   fmt.Sprint(mrand.Int63(), mrand.Int63()), //nolint:gosec // what is tested
		"mathRandV2": fmt.Sprint(mrand2.Uint64(), mrand2.Uint64()),
	}
}

func environ() map[string]string {
	m := map[string]string{}
	for _, kv := range os.Environ() {
		k, v, _ := strings.Cut(kv, "=")
		m[k] = v
	}
	return m
}

func invocation(ctx context.Context) map[string]any {
	lc, _ := lambdacontext.FromContext(ctx)
	d, _ := ctx.Deadline()
	return map[string]any{
		"id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "deadlineMs": d.UnixMilli(),
		"client": lc.ClientContext, "identity": lc.Identity, "trace": os.Getenv("_X_AMZN_TRACE_ID"),
	}
}

var started = time.Now()

func clocks() map[string]any {
	now := time.Now()
	return map[string]any{"unixNano": now.UnixNano(), "sinceStart": now.Sub(started).Seconds()}
}

func identity() map[string]any {
	host, _ := os.Hostname()
	wd, _ := os.Getwd()
	return map[string]any{"pid": os.Getpid(), "uid": os.Getuid(), "host": host, "dir": wd}
}
