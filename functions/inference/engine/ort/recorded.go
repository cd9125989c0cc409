package ort

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// recordings are what a session has recorded, by the shapes of its inputs: on a GPU the launches of a whole run, as a CUDA graph,
// which are queued again at once. A recording is good for memory at fixed addresses, so each owns its inputs and outputs: what is
// fed is copied in, what is to stay is copied out. Runs of one session take turns, on a thread of their own.
//
// Shapes beyond the first most run as ever: the library gives no recording back before the session ends. Nothing else invalidates
// one; weights that change come with another session. What cannot be recorded (memory that is out in the middle of it, a node on the
// CPU) runs as ever too, from then on if that goes well.
type recordings struct {
	most, tried int
	mu          sync.Mutex
	of          map[string]*recording
	on          *thread
	play        func(context.Context, *run) error // (*run).until, but in tests
}

type recording struct {
	id      int // by which the library knows it, from 1 on; of one that failed it knows too much to take the number again
	in, out map[string]*value
	refused bool // its shapes run plainly
}

func newRecordings(most int) *recordings {
	return &recordings{most: most, of: map[string]*recording{}, play: func(ctx context.Context, r *run) error { return r.until(ctx) }}
}

// plain tells the library not to record a run of a session that records others.
const plain = -1

// recordable says why a graph cannot be recorded: its states go to the memory of those before, whose addresses change.
func (s *session) recordable() error {
	if len(s.over) > 0 {
		return fmt.Errorf("%s writes its states over those that it is fed, and cannot be recorded: %w", s.path, errdefs.ErrFailedPrecondition)
	}
	return nil
}

// shapes are what a recording is kept by.
func (s *session) shapes(inputs engine.Values) string {
	var key strings.Builder
	for _, f := range s.inputs {
		if v := inputs[f.Name]; v != nil {
			fmt.Fprint(&key, v.Type(), v.Dims(), ";")
		}
	}
	return key.String()
}

// replay runs by the recording for the inputs' shapes, which the first run makes.
func (s *session) replay(ctx context.Context, inputs engine.Values, resident []string) (out engine.Values, err error) {
	for _, name := range resident {
		if !slices.ContainsFunc(s.outputs, func(f engine.Info) bool { return f.Name == name }) {
			return nil, fmt.Errorf("%s has no output %s to keep: %w", s.path, name, errdefs.ErrInvalidArgument)
		}
	}
	r := s.recorded
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on == nil {
		r.on = newThread()
	}
	r.on.do(func() { out, err = s.played(ctx, inputs, resident) })
	return out, err
}

// played takes the recording for the inputs' shapes, makes it, or does without.
func (s *session) played(ctx context.Context, inputs engine.Values, resident []string) (engine.Values, error) {
	r, key := s.recorded, s.shapes(inputs)
	rec := r.of[key]
	if rec == nil && len(r.of) < r.most {
		return s.capture(ctx, key, inputs, resident)
	}
	if rec == nil || rec.refused {
		return s.single(ctx, inputs, nil, resident, plain)
	}
	if err := s.feed(ctx, rec, inputs); err != nil {
		return nil, err
	}
	if err := s.queue(ctx, rec); err != nil {
		return nil, err
	}
	return s.results(ctx, rec, resident)
}

// capture is the first run of its shapes. Where it cannot be recorded it is run plainly, and the error is that run's.
func (s *session) capture(ctx context.Context, key string, inputs engine.Values, resident []string) (engine.Values, error) {
	r := s.recorded
	r.tried++
	rec := &recording{id: r.tried}
	err := s.feed(ctx, rec, inputs)
	if err == nil {
		err = s.queue(ctx, rec)
	}
	if err == nil {
		r.of[key] = rec
		return s.results(ctx, rec, resident)
	}
	rec.close()
	if context.Cause(ctx) != nil {
		return nil, err
	}
	out, err := s.single(ctx, inputs, nil, resident, plain)
	if err == nil {
		r.of[key] = &recording{refused: true}
	}
	return out, err
}

// close frees what the recording owns.
func (r *recording) close() {
	for _, all := range []map[string]*value{r.in, r.out} {
		for _, v := range all {
			_ = v.Close()
		}
	}
}

// feed brings the inputs to where the recording reads them.
func (s *session) feed(ctx context.Context, rec *recording, inputs engine.Values) error {
	if rec.in == nil {
		rec.in = map[string]*value{}
	}
	for _, f := range s.inputs {
		v, ok := inputs[f.Name]
		if !ok || v == nil {
			return fmt.Errorf("%s needs the input %s: %w", s.path, f.Name, errdefs.ErrInvalidArgument)
		}
		own, err := s.engine.copies.to(ctx, s.engine, s.device, v, rec.in[f.Name])
		if err != nil {
			return fmt.Errorf("input %s of %s: %w", f.Name, s.path, err)
		}
		rec.in[f.Name] = own
	}
	if len(inputs) > len(s.inputs) {
		return fmt.Errorf("%s has %d inputs, %d were given: %w", s.path, len(s.inputs), len(inputs), errdefs.ErrInvalidArgument)
	}
	return nil
}

// queue runs from and to the recording's own memory; the first run makes that of the outputs.
func (s *session) queue(ctx context.Context, rec *recording) error {
	fixed, all := engine.Values{}, make([]string, 0, len(s.outputs))
	for name, v := range rec.in {
		fixed[name] = v
	}
	for _, f := range s.outputs {
		all = append(all, f.Name)
	}
	b, err := s.bindTo(&run{session: s, resident: all, into: rec.out, graph: rec.id}, fixed)
	if err != nil {
		return err
	}
	defer b.free()
	if err := s.recorded.play(ctx, b); err != nil {
		return err
	}
	if rec.out != nil {
		return nil
	}
	made, err := b.take()
	if err != nil {
		return err
	}
	rec.out = map[string]*value{}
	for name, v := range made {
		rec.out[name] = v.(*value) // all are resident
	}
	return nil
}

// results are copies: the next run writes where the recording's outputs lie.
func (s *session) results(ctx context.Context, rec *recording, resident []string) (engine.Values, error) {
	out := engine.Values{}
	for name, v := range rec.out {
		var x engine.Value
		var err error
		if slices.Contains(resident, name) {
			x, err = s.engine.copies.to(ctx, s.engine, s.device, v, nil)
		} else {
			x, err = v.Host()
		}
		if err != nil {
			out.Close()
			return nil, fmt.Errorf("output %s of %s: %w", name, s.path, err)
		}
		out[name] = x
	}
	return out, nil
}

// forget frees what the recordings own and gives their thread back; the session's runs have ended.
func (r *recordings) forget() {
	for key, rec := range r.of {
		rec.close()
		delete(r.of, key)
	}
	if r.on != nil {
		r.on.stop()
		r.on = nil
	}
}
