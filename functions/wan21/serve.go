package wan21

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Serve opens the bundle in dir with ONNX Runtime, for handler.Main. A bundle that the control plane vouches for is not
// read again to verify it.
func Serve(ctx context.Context, dir string) (handler.Model, error) {
	threads, err := threads()
	if err != nil {
		return nil, err
	}
	b, err := weights.OpenBundle(ctx, dir, weights.VerifyOptions{Known: weights.Proof()})
	if err != nil {
		return nil, err
	}
	e, err := ort.Load()
	if err != nil {
		return nil, err
	}
	p, err := Open(ctx, b, e, engine.Options{Threads: threads})
	if err != nil {
		return nil, err
	}
	return Model{Pipeline: p, Name: b.Name, Digest: b.Manifest.Digest}, nil
}

// threads is VIDEOSDGX_THREADS, else the processors that this process may use (Go counts its cgroup's quota in).
func threads() (int, error) {
	s := os.Getenv("VIDEOSDGX_THREADS")
	if s == "" {
		return runtime.GOMAXPROCS(0), nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("VIDEOSDGX_THREADS is %q: a whole number from 1 on would do: %w", s, errdefs.ErrInvalidArgument)
	}
	return n, nil
}
