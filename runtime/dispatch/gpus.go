package dispatch

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Want chooses the member's GPUs, where its function asks for a number of any and none have been chosen yet, by what is free now.
func (e *entry) Want(pools []placement.Pool, held []placement.Holding) (_ placement.Demand, err error) {
	fn := e.m.inst.Function()
	e.gpus = e.m.inst.GPUs()
	if n := fn.GPUs.Any(); n > 0 && len(e.gpus) == 0 {
		if e.gpus, err = placement.Choose(n, fn.DeviceMemory, pools, held); err != nil {
			return nil, err
		}
	}
	e.want, e.left = need(e.m, e.gpus, pools), placement.Left(e.gpus, pools, held)
	return e.want, nil
}

// choose names the GPUs of a member whose function asks for a number of any, without waiting for room on them: what is made ahead
// of its start has them too.
func (r *room) choose(m *member) error {
	fn := m.inst.Function()
	if fn.GPUs.Any() == 0 || len(m.inst.GPUs()) > 0 {
		return nil
	}
	var pools []placement.Pool
	var held []placement.Holding
	if r.d.cfg.Pools != nil {
		pools, held = (&entry{room: r, m: m}).View()
	}
	gpus, err := placement.Choose(fn.GPUs.Any(), fn.DeviceMemory, pools, held)
	if err != nil {
		return tooFew(fn.Name, err)
	}
	m.inst.Give(gpus)
	return nil
}

func tooFew(function string, err error) error {
	return &spec.RetryError{Err: fmt.Errorf("function %s: %w: %w", function, err, errdefs.ErrFailedPrecondition)}
}
