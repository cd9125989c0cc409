package handler

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/videosdgx/videosdgx/functions/media"
)

// Handler answers events with a Model.
type Handler struct {
	model   Model
	d       Description
	intake  *intake
	api     *runtimeAPI
	log     *slog.Logger
	scratch string
	turn    chan struct{} // holds the one place for a clip in the making
}

// New makes a handler. scratch is where clips are made; "" is the system's temporary folder. An error says what is wrong with
// the model's schema.
func New(m Model, log *slog.Logger, scratch string) (*Handler, error) {
	in, err := newIntake(m.Describe(), os.Getenv("VIDEOSDGX_FILES"), scratch)
	if err == nil {
		in.memory, err = Limit()
	}
	if err != nil {
		return nil, err
	}
	return &Handler{model: m, d: in.d, intake: in, api: fromEnvironment(), log: log, scratch: scratch, turn: make(chan struct{}, 1)}, nil
}

// engine is the name of what makes clips now, where the model says so, and why it is not another.
func (h *Handler) engine() (name, why string) {
	if e, ok := h.model.(interface{ Engine() (string, string) }); ok {
		return e.Engine()
	}
	return "", ""
}

// info is the model's description as it is now.
func (h *Handler) info() Description {
	d := h.d
	name, why := h.engine()
	if d.Engine = name; why != "" {
		d.Engine += " (" + why + ")"
	}
	return d
}

// generate makes one clip as a file, which the caller removes, or as pieces for who takes them as they come.
func (h *Handler) generate(ctx context.Context, r Request, to sink) (*media.File, Result, error) {
	defer r.release()
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return nil, Result{}, context.Cause(ctx)
	}
	start := time.Now()
	id := ""
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		id = lc.AwsRequestID
	}
	ctx, unwatch := watchCancel(ctx, h.api, id)
	defer h.api.rest()
	defer unwatch()
	rep := newReporter(h.api, id, h.log, start)
	rep.engine = h.engine
	run := &run{h: h, r: r, clock: newStopwatch(start), report: rep}
	file, err := run.do(ctx, to)
	rep.close()
	debug.FreeOSMemory() // a clip's frames and tensors are not kept until the next one
	if err == nil {
		return file, run.result(file), nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = fmt.Errorf("the clip was given up: %w", cause)
	}
	return nil, Result{}, err
}

func remove(f *media.File) { os.Remove(f.Path) }
