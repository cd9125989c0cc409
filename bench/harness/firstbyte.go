package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// State is what there is of a function before a call that has to start it.
type State string

// What there may be.
const (
	Absent   State = "absent"   // nothing at all
	Staged   State = "staged"   // a container is created, its process not started
	Snapshot State = "snapshot" // nothing runs, a snapshot of a warm instance is on disk
)

// States are those that the server can start from. A snapshot that it cannot make is noted.
func (s *Server) States(ctx context.Context, r *Report) ([]State, error) {
	can, err := s.MakesSnapshots(ctx)
	if err != nil {
		return nil, err
	}
	if !can {
		r.Note("starts from snapshots: left out, this server makes none; `videosdgx doctor` says why")
		return []State{Absent, Staged}, nil
	}
	return []State{Absent, Staged, Snapshot}, nil
}

// Set are the fields of a manifest that keep a function in the state when it is scaled to zero.
func (s State) Set() map[string]any {
	switch s {
	case Staged:
		return map[string]any{"staged": 1}
	case Snapshot:
		return map[string]any{"snapshot": "always", "snapshotOn": "publish"}
	}
	return map[string]any{"staged": 0}
}

// phase tells by an answer's Server-Timing whether the call has met the state.
func (s State) phase(timing string) error {
	created, restored := strings.Contains(timing, "create;"), strings.Contains(timing, "restore;")
	if !strings.Contains(timing, "cold") || restored != (s == Snapshot) || s == Staged && created {
		return fmt.Errorf("the call was not answered from the state %s: %s", s, timing)
	}
	return nil
}

// FirstByte measures calls of one function that find it in one state: the time to the answer's first byte.
type FirstByte struct {
	Samples *Samples

	server   *Server
	function string
	state    State
	event    []byte
	caller   *Caller
	timing   Timing
}

// FirstByte makes one for a deployed function whose manifest has state.Set(). It calls it once, which unpacks the image,
// and has the snapshot made where the state needs one.
func (s *Server) FirstByte(ctx context.Context, function string, state State, event []byte) (*FirstByte, error) {
	f := &FirstByte{Samples: NewSamples(), server: s, function: function, state: state, event: event, caller: s.FunctionURL(function, 1)}
	f.caller.Timing = new(Timing)
	_, err := f.caller.Call(ctx, event)
	if err == nil && state == Snapshot {
		err = s.Call(ctx, http.MethodPost, "/api/v1/functions/"+function+"/snapshots", nil, nil)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close closes the connection.
func (f *FirstByte) Close() { f.caller.Close() }

// Once scales the function to zero, calls it, and scales it to zero again, so that nothing of it is at work when others
// are measured.
func (f *FirstByte) Once(ctx context.Context) error {
	took, err := f.Start(ctx)
	if err == nil {
		f.Samples.Add(took)
		f.timing.Add(f.caller.Timing.Last)
	}
	return err
}

// Start does the same and counts nothing.
func (f *FirstByte) Start(ctx context.Context) (time.Duration, error) {
	if err := f.server.ToZero(ctx, f.function, f.state); err != nil {
		return 0, err
	}
	took, err := f.caller.Call(ctx, f.event)
	if err != nil {
		return 0, err
	}
	if err := f.state.phase(f.caller.Timing.Last); err != nil {
		return 0, err
	}
	return took, f.server.ToZero(ctx, f.function, f.state)
}

// Report gives the quantiles of the first byte as name_first_byte, and where their time went as name.
func (f *FirstByte) Report(r *Report, name string) {
	r.Quantiles(name+"_first_byte", f.Samples)
	r.Phases[name] = f.Phases()
}

// Phases are the medians of Server-Timing.
func (f *FirstByte) Phases() []Phase { return f.timing.Phases() }

// ToZero stops what runs of a function as soon as it can be stopped, and waits until it is in the state.
func (s *Server) ToZero(ctx context.Context, function string, state State) error {
	spares := 0
	if state == Staged {
		spares = 1
	}
	var failed error
	err := s.Await(ctx, function, func(all []Instance) bool {
		staged := 0
		for _, i := range all {
			switch i.State {
			case "staged":
				staged++
			case "idle":
				failed = errors.Join(failed, s.StopInstance(ctx, i.ID))
			}
		}
		return failed != nil || staged == spares && len(all) == spares
	})
	return errors.Join(failed, err)
}
