package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/serve/duo"
)

// EngineEnv names the engine: "auto" (the default: TensorRT where its plans are as fast, or may be built while ONNX Runtime
// answers), "ort", "tensorrt".
const EngineEnv = "VIDEOSDGX_ENGINE"

const ortEngine = "ort"

// askedEngine checks what the environment asks for.
func askedEngine() (string, error) {
	switch s := os.Getenv(EngineEnv); s {
	case "", auto:
		return auto, nil
	case ortEngine, tensorRT:
		return s, nil
	default:
		return "", fmt.Errorf("%s is %q: auto, ort or tensorrt would do: %w", EngineEnv, s, errdefs.ErrInvalidArgument)
	}
}

// enginesOf opens a model with the engine that was asked for.
func enginesOf(ctx context.Context, asked string, m *bundle.Model, on choice, open Opener) (handler.Model, error) {
	t, err := asTensorRT(m, on)
	if asked == ortEngine || asked == auto && err != nil {
		why := "asked for"
		if asked == auto {
			why = plainly(err)
		}
		opened, err := open(ctx, m)
		if err != nil {
			return nil, err
		}
		return plain{opened, m.Engine.Version(), why}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the engine tensorrt was asked for, and auto or ort would do: %w", err)
	}
	t.open, t.log = open, slog.New(slog.NewJSONHandler(os.Stderr, nil))
	return t.serve(ctx, asked)
}

// plain is a model that one engine runs for good.
type plain struct {
	handler.Model
	name, why string
}

// Engine is the engine that makes clips, and why it is that one.
func (p plain) Engine() (name, why string) { return p.name, p.why }

// Close closes the model, where it can be.
func (p plain) Close() error { return handler.Close(p.Model) }

// plansFor is a model that TensorRT may run.
type plansFor struct {
	m        *bundle.Model // as ONNX Runtime runs it
	lib      *tensorrt.Library
	engine   *tensorrt.Engine
	on       tensorrt.Target
	attends  attention // of ONNX Runtime
	recorded int       // shapes for which ONNX Runtime records runs
	time     timer
	open     Opener
	log      *slog.Logger
}

// asTensorRT opens TensorRT for a model, or says in one sentence why it cannot run it.
func asTensorRT(m *bundle.Model, on choice) (*plansFor, error) {
	switch {
	case on.Host():
		return nil, fmt.Errorf("TensorRT runs on a GPU, and the model is on the CPU: %w", errdefs.ErrFailedPrecondition)
	case len(on.beside) > 0:
		return nil, fmt.Errorf("TensorRT runs on one GPU, and the model is shared by several: %w", errdefs.ErrFailedPrecondition)
	}
	if err := hasPlannable(m.Bundle); err != nil {
		return nil, err
	}
	all, err := tensorrt.Find()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, at := range all {
		lib, err := tensorrt.Load(at)
		if err == nil {
			t := &plansFor{m: m, lib: lib, engine: tensorrt.New(lib, nil), attends: on.attends, recorded: on.recorded, time: both}
			if t.on, err = t.engine.Device(on.Device); err == nil {
				return t, nil
			}
			t.engine.Close()
			lib.Close()
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// serve opens the model with plans that were accepted before, where they were asked for or were measured to be as fast as ONNX
// Runtime. Else "tensorrt" compares what is there before the first clip, and "auto" has ONNX Runtime answer: for good where plans
// are slower, until they are built, compared and timed where that is not known.
func (t *plansFor) serve(ctx context.Context, asked string) (handler.Model, error) {
	sure := func(ctx context.Context) (handler.Model, error) { return t.open(ctx, t.m) }
	sides := duo.Sides{SureName: t.m.Engine.Version(), Reopen: sure, Log: t.log}
	plans, err := t.find(isAccepted)
	pace, unknown := t.pace(plans)
	switch {
	case err != nil && !errdefs.IsNotFound(err) && asked == tensorRT:
		return nil, err
	case err == nil && asked == auto && unknown == nil && pace.Slower():
		return t.declined(ctx, slower{pace})
	case err == nil && (asked == tensorRT || unknown == nil):
		fast, err := t.fast(ctx, plans)
		if err == nil {
			return duo.Ready(sides, fast, t.chosen(pace)), nil
		}
		if asked == tensorRT {
			return nil, err
		}
	}
	return t.worked(ctx, asked, sides)
}

// declined opens the model with ONNX Runtime though plans would be there.
func (t *plansFor) declined(ctx context.Context, why slower) (handler.Model, error) {
	m, err := t.open(ctx, t.m)
	if err != nil {
		return nil, err
	}
	t.log.Info("ONNX Runtime serves", "reason", why.Error())
	c := duo.Declined(t.m.Engine.Version(), why)
	return plain{m, c.Name, c.Why}, nil
}

// worked opens the model and makes plans ready: before the first clip for "tensorrt", while ONNX Runtime answers for "auto".
func (t *plansFor) worked(ctx context.Context, asked string, sides duo.Sides) (handler.Model, error) {
	w, model, err := t.workshop(ctx)
	if err != nil {
		return nil, err
	}
	w.build, w.measure = asked == auto, asked == auto
	sides.Sure = model
	if asked == auto {
		sides.Prepare = w.prepare
		return duo.New(sides), nil
	}
	fast, chosen, err := w.prepare(ctx, alone(model))
	if err = errors.Join(err, handler.Close(model)); err != nil {
		return nil, errors.Join(err, handler.Close(fast))
	}
	sides.Sure = nil
	return duo.Ready(sides, fast, chosen), nil
}

// workshop opens the model with ONNX Runtime, whose runs are watched.
func (t *plansFor) workshop(ctx context.Context) (*workshop, handler.Model, error) {
	watched := *t.m
	recorder := record.New(t.m.Engine)
	watched.Engine = recorder
	model, err := t.open(ctx, &watched)
	return &workshop{plansFor: t, recorder: recorder}, model, err
}

// alone rehearses with a model that nobody else uses.
func alone(m handler.Model) duo.Rehearse {
	return func(ctx context.Context, f func(context.Context, handler.Model) error) error { return f(ctx, m) }
}

func isAccepted(f tensorrt.Facts) bool { return f.Accepted }

// fast opens the model with plans, by their graphs.
func (t *plansFor) fast(ctx context.Context, plans map[string]tensorrt.Found) (handler.Model, error) {
	m := *t.m
	m.Engine, m.Graphs = withPlans{t.engine, plans}, tensorRT
	return t.open(ctx, &m)
}

// graphs are the paths of the bundle's graphs for TensorRT.
func (t *plansFor) graphs() []string { return plannable(t.m.Bundle) }

// find looks for a plan of every graph. NotFound, with those that there are: not all have one.
func (t *plansFor) find(fit func(tensorrt.Facts) bool) (map[string]tensorrt.Found, error) {
	found, err := tensorrt.Search(plansDir(t.m.Dir), t.m.Manifest.Digest, t.lib, t.on, fit)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, g := range t.graphs() {
		if found[record.Graph(g)].Path == "" {
			missing = append(missing, record.Graph(g))
		}
	}
	if len(missing) > 0 {
		return found, fmt.Errorf("%s has no plan of %s on %s for this bundle; `videosdgx models plan` builds them: %w",
			t.lib.Name(), strings.Join(missing, ", "), t.on, errdefs.ErrNotFound)
	}
	return found, nil
}

// plainly is an error's sentence without the class behind it.
func plainly(err error) string {
	s := err.Error()
	for _, class := range []error{errdefs.ErrFailedPrecondition, errdefs.ErrNotFound, errdefs.ErrInvalidArgument, errdefs.ErrInternal} {
		s = strings.TrimSuffix(s, ": "+class.Error())
	}
	return s
}
