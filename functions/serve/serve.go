// Package serve is where the functions meet their engines: it opens bundles on the machine's device for handler.Main, and
// builds them. It is the only package that names an engine's driver; model families are told apart by what they hand over.
package serve

import (
	"context"
	"os"
	"runtime"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Opener opens the pipeline of a model family.
type Opener func(ctx context.Context, m *bundle.Model) (handler.Model, error)

// Bundle opens the bundle in a folder with a family's opener, on the device, with the engine and with the threads that the environment names.
// A bundle that the control plane vouches for is not read again to verify it.
func Bundle(open Opener) func(ctx context.Context, dir string) (handler.Model, error) {
	return func(ctx context.Context, dir string) (handler.Model, error) {
		asked, err := askedEngine()
		if err != nil {
			return nil, err
		}
		m, on, err := openOn(ctx, dir, weights.VerifyOptions{Known: weights.Proof()})
		if err == nil {
			err = m.License.Accepted("the model "+m.Name, os.Getenv(LicenseEnv))
		}
		if err != nil {
			return nil, err
		}
		opened, err := enginesOf(ctx, asked, m, on, open)
		if err != nil {
			return nil, err
		}
		return placed{opened, on, m.Manifest}, nil
	}
}

// Open verifies a bundle and finds the engine for it.
func Open(ctx context.Context, dir string, v weights.VerifyOptions) (*bundle.Model, error) {
	m, _, err := openOn(ctx, dir, v)
	return m, err
}

func openOn(ctx context.Context, dir string, v weights.VerifyOptions) (m *bundle.Model, on choice, err error) {
	var o engine.Options
	if o.Threads, err = threads(); err != nil {
		return nil, on, err
	}
	asked := os.Getenv(DeviceEnv)
	several, err := given()
	if err != nil {
		return nil, on, err
	}
	if _, err := choose(asked, nil, false, nil); err != nil {
		return nil, on, err
	}
	recorded, err := graphs()
	if err != nil {
		return nil, on, err
	}
	if _, err := memory(engine.Device{}); err != nil {
		return nil, on, err
	}
	b, err := weights.OpenBundle(ctx, dir, v)
	if err != nil {
		return nil, on, err
	}
	if several > 1 {
		on, err = chooseSeveral(several, asked, fileNames(b), gpuVisible(), usable)
	} else {
		on, err = choose(asked, fileNames(b), gpuVisible(), usable)
	}
	if err != nil {
		return nil, on, err
	}
	library, err := ort.LoadFor(on.Device)
	if err != nil {
		return nil, on, err
	}
	if on.attends, err = attends(on, library); err != nil {
		return nil, on, err
	}
	on.recorded = recorded
	e := engine.Engine(attending{library, on.attends, library.Capability})
	if recorded > 0 {
		e = replayed{e, recorded}
	}
	o.Device = on.Device
	limit, err := memory(o.Device)
	if err != nil {
		return nil, on, err
	}
	m = &bundle.Model{Bundle: b, Engine: spread(e, on.all(), limit), Memory: limit, Share: share(len(on.all()), limit)}
	m.Beside = beside
	if !o.Device.Host() {
		o.Memory = limit
		if m.Free, err = amount(FreeEnv); err != nil {
			return nil, on, err
		}
	}
	m.Options = o
	return m, on, nil
}

// attends is the attention of what was chosen, whose GPUs can be used.
func attends(on choice, e *ort.Engine) (attention, error) {
	if err := there(on.all(), e.Capability, e.Usable); err != nil {
		return attention{}, err
	}
	return chooseAttention(os.Getenv(AttentionEnv), on.Device, e.Capability(on.Device))
}

func usable(d engine.Device) error {
	e, err := ort.LoadFor(d)
	if err != nil {
		return err
	}
	return e.Usable(d)
}

// The environment that an engine heeds.
const (
	// ThreadsEnv is the number of threads inside one operator; by default the processors that this process may use.
	ThreadsEnv = "VIDEOSDGX_THREADS"
	// DeviceEnv names the device: "auto" (the default: a GPU where one is given and the bundle has graphs for it), "cpu",
	// "cuda", "cuda:1", or several that share a model, "cuda:0,cuda:1".
	DeviceEnv = "VIDEOSDGX_DEVICE"
	// LicenseEnv names the licence that is accepted, where a model's wants to be: model.acceptLicense of the function's manifest.
	LicenseEnv = "VIDEOSDGX_ACCEPT_LICENSE"
)

// threads counts a cgroup's quota in, as Go does.
func threads() (int, error) {
	n, err := count(ThreadsEnv)
	if n == 0 && err == nil {
		n = runtime.GOMAXPROCS(0)
	}
	return n, err
}
