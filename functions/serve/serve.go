// Package serve is where the functions meet their engines: it opens bundles on the machine's device for handler.Main, and
// builds them. It is the only package that names an engine's driver; model families are told apart by what they hand over.
package serve

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Opener opens the pipeline of a model family.
type Opener func(ctx context.Context, m *bundle.Model) (handler.Model, error)

// Bundle opens the bundle in a folder with a family's opener, on the device and with the threads that the environment names.
// A bundle that the control plane vouches for is not read again to verify it.
func Bundle(open Opener) func(ctx context.Context, dir string) (handler.Model, error) {
	return func(ctx context.Context, dir string) (handler.Model, error) {
		m, err := Open(ctx, dir, weights.VerifyOptions{Known: weights.Proof()})
		if err != nil {
			return nil, err
		}
		return open(ctx, m)
	}
}

// Open verifies a bundle and finds the engine for it.
func Open(ctx context.Context, dir string, v weights.VerifyOptions) (*bundle.Model, error) {
	o, err := options()
	if err != nil {
		return nil, err
	}
	limit, err := memory(o.Device)
	if err != nil {
		return nil, err
	}
	b, err := weights.OpenBundle(ctx, dir, v)
	if err != nil {
		return nil, err
	}
	e, err := ort.Load()
	if err != nil {
		return nil, err
	}
	if !o.Device.Host() {
		o.Memory = limit
	}
	return &bundle.Model{Bundle: b, Engine: e, Options: o, Memory: limit}, nil
}

// The environment that an engine heeds.
const (
	// ThreadsEnv is the number of threads inside one operator; by default the processors that this process may use.
	ThreadsEnv = "VIDEOSDGX_THREADS"
	// DeviceEnv names the device: "cpu" (the default), "cuda", "cuda:1".
	DeviceEnv = "VIDEOSDGX_DEVICE"
)

func options() (o engine.Options, err error) {
	if o.Threads, err = threads(); err != nil {
		return o, err
	}
	if o.Device, err = engine.ParseDevice(os.Getenv(DeviceEnv)); err != nil {
		return o, fmt.Errorf("%s: %w", DeviceEnv, err)
	}
	return o, nil
}

// threads counts a cgroup's quota in, as Go does.
func threads() (int, error) {
	s := os.Getenv(ThreadsEnv)
	if s == "" {
		return runtime.GOMAXPROCS(0), nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s is %q: a whole number from 1 on would do: %w", ThreadsEnv, s, errdefs.ErrInvalidArgument)
	}
	return n, nil
}
