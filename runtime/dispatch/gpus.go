package dispatch

import (
	"errors"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Want chooses the member's GPUs, where its function asks for a number of any and none have been chosen yet, by what is free now.
func (e *entry) Want(pools []placement.Pool, held []placement.Holding) (_ placement.Demand, err error) {
	if e.gpus, err = chosen(e.m, pools, held); err != nil {
		return nil, err
	}
	e.want, e.left = need(e.m, e.gpus, pools), placement.Left(e.gpus, pools, held)
	return e.want, nil
}

// undecided says that the member's function asks for a number of any GPUs, and it has none yet.
func undecided(m *member) bool { return m.inst.Function().GPUs.Any() > 0 && len(m.inst.GPUs()) == 0 }

// chosen are the member's GPUs: those that it has, or the best of any. An *Absent or a *TooFew says that they are not there.
func chosen(m *member, pools []placement.Pool, held []placement.Holding) ([]string, error) {
	if gpus := m.inst.GPUs(); !undecided(m) {
		return gpus, placement.There(gpus, pools)
	}
	fn := m.inst.Function()
	return placement.Choose(fn.GPUs.Any(), fn.DeviceMemory, pools, held)
}

// choose names the GPUs of a member whose function asks for a number of any, without waiting for room on them: what is made ahead
// of its start has them too.
func (r *room) choose(m *member) error {
	if !undecided(m) {
		return nil
	}
	var pools []placement.Pool
	var held []placement.Holding
	if r.d.cfg.Pools != nil {
		pools, held = (&entry{room: r, m: m}).View()
	}
	gpus, err := chosen(m, pools, held)
	if err != nil {
		return lacking(m.inst.Function().Name, err)
	}
	m.inst.Give(gpus)
	return nil
}

// notThere says that an error is of GPUs that a machine does not have, now or later.
func notThere(err error) bool {
	return errors.As(err, new(*placement.TooFew)) || errors.As(err, new(*placement.Absent))
}

func lacking(function string, err error) error {
	return &spec.RetryError{Err: fmt.Errorf("function %s: %w: %w", function, err, errdefs.ErrFailedPrecondition)}
}
