package tensorrt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// Order is what the planner's process is told: which TensorRT builds what.
type Order struct {
	Install Install `json:"install"`
	Recipe  Recipe  `json:"recipe"`
	// Timing is the file of what an earlier build tried, and Tried the one that gets what this build tries; both may be empty.
	Timing string `json:"timing,omitempty"`
	Tried  string `json:"tried,omitempty"`
}

// Report is a line of what the planner's process tells. The last one has Ended set.
type Report struct {
	Progress
	Library string `json:"library,omitempty"` // that builds, such as "TensorRT-RTX 1.6.1"
	Ended   bool   `json:"ended,omitempty"`
	Said    string `json:"said,omitempty"` // a sentence for the log
	Error   string `json:"error,omitempty"`
	Class   string `json:"class,omitempty"` // of the error, by its name in errdefs
}

// The classes that cross from the planner to whoever started it.
var classes = map[string]error{
	"invalid": errdefs.ErrInvalidArgument, "unavailable": errdefs.ErrFailedPrecondition,
	"exhausted": errdefs.ErrResourceExhausted, "cancelled": context.Canceled, "internal": errdefs.ErrInternal,
}

func className(err error) string {
	for name, class := range classes {
		if errors.Is(err, class) {
			return name
		}
	}
	return "internal"
}

// Serve is the planner's process: it builds what the order on in says, writes the plan to out and tells on tell. It returns
// the exit status.
func Serve(in io.Reader, tell io.Writer, out *os.File) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	enc := json.NewEncoder(tell)
	err := serve(ctx, in, enc, out)
	last := Report{Ended: true}
	if err != nil {
		last.Error, last.Class = err.Error(), className(err)
	}
	if e := enc.Encode(last); e != nil || err != nil {
		return 1
	}
	return 0
}

func serve(ctx context.Context, in io.Reader, enc *json.Encoder, out *os.File) error {
	var o Order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return fmt.Errorf("the planner reads an order from standard input: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	if err := o.Recipe.Check(); err != nil {
		return err
	}
	if err := bound(o.Recipe.Limits); err != nil {
		return err
	}
	lib, err := Load(o.Install)
	if err != nil && o.Recipe.Limits.Memory > 0 {
		reason, _, _ := strings.Cut(err.Error(), "; ") // what would do without the limit is no help
		return fmt.Errorf("the builder may take %d bytes of address space, which may be too few to open TensorRT (%s); allow it more: %w", o.Recipe.Limits.Memory, reason, errdefs.ErrFailedPrecondition)
	}
	if err != nil {
		return err
	}
	defer lib.Close()
	_ = enc.Encode(Report{Library: lib.Name()}) // whoever listens may be gone; the build's end says so
	timing, err := o.timing()
	if err != nil {
		return err
	}
	if timing != nil {
		defer timing.Out.Close()
	}
	return lib.Build(ctx, o.Recipe, timing, out, func(p Progress) { _ = enc.Encode(Report{Progress: p}) })
}

// timing opens what the build is to know and to tell of kernels; nil where that is not kept.
func (o Order) timing() (*Timing, error) {
	if o.Tried == "" {
		return nil, nil
	}
	earlier, err := readTiming(o.Timing)
	if err != nil {
		earlier = nil // whoever ordered has said so
	}
	out, err := os.Create(o.Tried)
	if err != nil {
		return nil, fmt.Errorf("make room for how long kernels took: %w", err)
	}
	return &Timing{Earlier: earlier, Out: out}, nil
}

// bound limits this process's address space.
func bound(l ResourceLimits) error {
	if l.Memory <= 0 {
		return nil
	}
	r := unix.Rlimit{Cur: uint64(l.Memory), Max: uint64(l.Memory)}
	if err := unix.Setrlimit(unix.RLIMIT_AS, &r); err != nil {
		return fmt.Errorf("limit the planner's memory: %w", err)
	}
	return nil
}
