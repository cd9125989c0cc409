package split

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Engine opens some graphs on several devices.
type Engine struct {
	engine.Engine
	// Devices are those that a graph is spread over; the first is where everything else runs.
	Devices []engine.Device
	// Spread names the graphs, by the beginning of their file's name, that are spread.
	Spread []string
	// Fits says whether a device holds a graph with so many bytes of weights whole; each then does. Else, or where it is nil, each
	// holds a part.
	Fits func(weights int64) bool
}

var _ engine.Engine = (*Engine)(nil)

// Open spreads the graph over the devices when it is one that is to be; o's device is then not heeded.
func (e *Engine) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	if len(e.Devices) < 2 || !e.spreads(path) {
		return e.Engine.Open(ctx, path, o)
	}
	if e.Fits != nil {
		size, err := weights(path)
		if err != nil {
			return nil, err
		}
		if e.Fits(size) {
			return e.whole(ctx, path, o)
		}
	}
	return e.parts(ctx, path, o)
}

// weights is how many bytes of weights a graph has.
func weights(path string) (int64, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("model file %s is missing; build the bundle again with `videosdgx models build`: %w", path, errdefs.ErrNotFound)
	}
	if err != nil {
		return 0, err
	}
	m, err := onnx.Decode(raw)
	if err != nil {
		return 0, fmt.Errorf("%s cannot be loaded (%w); build the bundle again with `videosdgx models build`: %w", path, err, errdefs.ErrInvalidArgument)
	}
	before := weightsBefore(m)
	return before[len(before)-1], nil
}

func (e *Engine) spreads(path string) bool {
	for _, name := range e.Spread {
		if strings.HasPrefix(filepath.Base(path), name+".") {
			return true
		}
	}
	return false
}

// whole opens the graph once on every device.
func (e *Engine) whole(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	c := &copies{free: make(chan engine.Session, len(e.Devices))}
	for _, d := range e.Devices {
		o.Device = d
		s, err := e.Engine.Open(ctx, path, o)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.all = append(c.all, s)
		c.free <- s
	}
	return c, nil
}

// parts opens a part of the graph on every device.
func (e *Engine) parts(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	c := &chain{}
	for k := range e.Devices {
		st := stage{busy: make(chan struct{}, 1)}
		o.Device = e.Devices[k]
		o.Change = func(m *onnx.Model) error {
			all, err := cut(m, len(e.Devices))
			if err != nil {
				return err
			}
			c.describe(m)
			st.part = all[k]
			return all[k].keep(m)
		}
		s, err := e.Engine.Open(ctx, path, o)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		st.Session = s
		c.stages = append(c.stages, st)
	}
	return c, nil
}
