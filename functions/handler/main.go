package handler

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/videosdgx/videosdgx/internal/atrest"
	"github.com/videosdgx/videosdgx/internal/sentence"
)

// Main is a model function's main: it opens the model of the bundle at VIDEOSDGX_MODEL (in containers /opt/model), and
// answers events until the runtime ends it. A failure to open it is reported to the runtime as an init error, and ends
// the process.
func Main(open func(ctx context.Context, bundle string) (Model, error)) {
	percent := debug.SetGCPercent(whileOpening)
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	start := time.Now()
	bundle := os.Getenv("VIDEOSDGX_MODEL")
	if bundle == "" {
		bundle = "/opt/model"
	}
	m, err := open(context.Background(), bundle)
	var h *Handler
	if err == nil {
		h, err = New(m, log, os.Getenv("VIDEOSDGX_SCRATCH"))
	}
	if err != nil {
		log.Error("the model cannot be opened", "bundle", bundle, "error", err)
		if err := initError(fromEnvironment(), err); err != nil {
			log.Error("the runtime could not be told", "error", err)
		}
		os.Exit(1)
	}
	log.Info("model open", "model", h.d.Name, "license", cmp.Or(h.d.License, "not named by the checkpoint"), "device", h.d.Device, "precision", h.d.Precision, "activations", h.d.Activations, "attention", h.d.Attention, "engine", h.info().Engine, "seconds", rounded(time.Since(start).Seconds()))
	time.AfterFunc(settles, func() { debug.SetGCPercent(percent) })
	var events atomic.Int32
	atrest.WhenIdle(settles, func() bool { return events.Load() > 0 }, func(err error) {
		debug.FreeOSMemory() // what opening left behind is not to lie in an idle instance either
		if err != nil {
			log.Warn("this instance holds more memory than it needs", "error", err)
		}
	})
	lambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) {
		events.Add(1)
		defer events.Add(-1)
		return h.Invoke(ctx, event)
	})
}

// settles is how long after its start a function lets go of what only its start has needed, at the earliest: the first event,
// which comes before, is not to wait for that. While graphs are still being opened it is later.
const settles = 20 * time.Millisecond

// whileOpening is how much the heap may grow between two collections until a function has settled, in per cent: to 8 MiB instead of 4
// before the first, which without it falls into the first answer.
const whileOpening = 200

// initError posts to init/error, so that the reason reaches whoever waits for the start. Its type is Init.Refused or
// Init.InvalidRequest where another start would end the same way: the runtime asks no second time for those.
func initError(api *runtimeAPI, reason error) error {
	if api == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastWait)
	defer cancel()
	_, name := problem(reason)
	body := encode(map[string]any{"errorType": "Init." + name, "errorMessage": sentence.Of(reason), "stackTrace": []string{}})
	_, err := api.call(ctx, "POST", "/init/error", "application/json", bytes.NewReader(body))
	return err
}
