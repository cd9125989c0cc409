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

// EngineEnv names the engine: "auto" (the default: TensorRT where its plans are there or may be built while ONNX Runtime
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
	m      *bundle.Model // as ONNX Runtime runs it
	lib    *tensorrt.Library
	engine *tensorrt.Engine
	on     tensorrt.Target
	open   Opener
	log    *slog.Logger
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
			t := &plansFor{m: m, lib: lib, engine: tensorrt.New(lib, nil)}
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

// serve opens the model with plans that were accepted before. Where there are none, "tensorrt" compares what is there before
// the first clip, and "auto" has ONNX Runtime answer until plans are built and compared.
func (t *plansFor) serve(ctx context.Context, asked string) (handler.Model, error) {
	sure := func(ctx context.Context) (handler.Model, error) { return t.open(ctx, t.m) }
	sides := duo.Sides{SureName: t.m.Engine.Version(), Reopen: sure, Log: t.log}
	if fast, err := t.accepted(ctx); err == nil {
		return duo.Ready(sides, fast, t.lib.Name()), nil
	} else if asked == tensorRT && !errdefs.IsNotFound(err) {
		return nil, err
	}
	watched := *t.m
	recorder := record.New(t.m.Engine)
	watched.Engine = recorder
	model, err := t.open(ctx, &watched)
	if err != nil {
		return nil, err
	}
	sides.Sure = model
	w := &workshop{plansFor: t, recorder: recorder, build: asked == auto}
	if asked == auto {
		sides.Prepare = w.prepare
		return duo.New(sides), nil
	}
	fast, name, err := w.prepare(ctx, func(ctx context.Context, f func(context.Context, handler.Model) error) error { return f(ctx, model) })
	if err != nil {
		return nil, errors.Join(err, handler.Close(model))
	}
	if err := handler.Close(model); err != nil {
		return nil, err
	}
	sides.Sure = nil
	return duo.Ready(sides, fast, name), nil
}

// accepted opens the model with plans that have passed before. NotFound: not all have.
func (t *plansFor) accepted(ctx context.Context) (handler.Model, error) {
	found, err := t.find(func(f tensorrt.Facts) bool { return f.Accepted })
	if err != nil {
		return nil, err
	}
	return t.fast(ctx, found)
}

// fast opens the model with plans, by their graphs.
func (t *plansFor) fast(ctx context.Context, plans map[string]string) (handler.Model, error) {
	m := *t.m
	m.Engine, m.Graphs = withPlans{t.engine, plans}, tensorRT
	return t.open(ctx, &m)
}

// graphs are the paths of the bundle's graphs for TensorRT.
func (t *plansFor) graphs() (paths []string) {
	for _, f := range t.m.Files {
		if isGraphOf(f.Path, tensorRT) {
			if p, err := t.m.Path(f.Path); err == nil {
				paths = append(paths, p)
			}
		}
	}
	return paths
}

// find looks for a plan of every graph. NotFound, with those that there are: not all have one.
func (t *plansFor) find(fit func(tensorrt.Facts) bool) (map[string]string, error) {
	found, err := tensorrt.Search(plansDir(t.m.Dir), t.m.Manifest.Digest, t.lib, t.on, fit)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, g := range t.graphs() {
		if found[record.Graph(g)] == "" {
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
