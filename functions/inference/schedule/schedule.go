// Package schedule turns a model's velocity predictions into samples: UniPC and flow-match Euler, with the sigmas,
// shifts and float32 arithmetic of diffusers' UniPCMultistepScheduler and FlowMatchEulerDiscreteScheduler (0.40), and
// classifier-free guidance. It knows no tensors but flat float32 slices.
package schedule

import (
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"
)

// Scheduler walks one sample from noise to data. It holds state: one Scheduler makes one clip, from one goroutine.
type Scheduler interface {
	// Timesteps are what the model is given, one for each step.
	Timesteps() []float32
	// Sigmas are the noise levels, one more than there are steps; the last is that of the finished sample.
	Sigmas() []float32
	// Step replaces sample by the next one, given the model's output for it. It is called once for each timestep, in
	// order; a call too many and slices of different lengths are errors.
	Step(sample, output []float32) error
}

var (
	_ Scheduler = (*UniPC)(nil)
	_ Scheduler = (*Euler)(nil)
)

// Options choose the timesteps of one clip.
type Options struct {
	Steps  int       // number of steps, at least 1; ignored when Sigmas is set
	Sigmas []float64 // sigmas before shifting, decreasing from 1; nil: the scheduler's own
	Mu     float64   // shift for use_dynamic_shifting, see Config.Mu
}

// FromJSON reads a scheduler_config.json and makes the scheduler that its _class_name asks for.
func FromJSON(raw []byte, o Options) (Scheduler, error) {
	c, err := ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	return New(c, o)
}

// New makes the scheduler that c.Class names.
func New(c Config, o Options) (Scheduler, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	if n := o.count(); n < 1 || n > c.TrainTimesteps {
		return nil, fmt.Errorf("%d steps are not possible: 1 to %d are: %w", n, c.TrainTimesteps, errdefs.ErrInvalidArgument)
	}
	switch c.Class {
	case "UniPCMultistepScheduler":
		return newUniPC(c, o), nil
	case "FlowMatchEulerDiscreteScheduler":
		return newEuler(c, o), nil
	}
	return nil, fmt.Errorf("scheduler %q is not known; UniPCMultistepScheduler and FlowMatchEulerDiscreteScheduler are: %w",
		c.Class, errdefs.ErrNotImplemented)
}

func (o Options) count() int {
	if o.Sigmas != nil {
		return len(o.Sigmas)
	}
	return o.Steps
}

// Guide writes classifier-free guidance to cond: uncond + scale · (cond − uncond).
func Guide(cond, uncond []float32, scale float32) {
	parts(len(cond), func(from, to int) {
		v, u := cond[from:to], uncond[from:to]
		for i, c := range v {
			v[i] = u[i] + scale*(c-u[i])
		}
	})
}

// ParseConfig reads a scheduler_config.json over the reference's defaults.
func ParseConfig(raw []byte) (Config, error) {
	c := Defaults()
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("scheduler configuration: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	if c.ShiftTerminal != nil && *c.ShiftTerminal == 0 {
		c.ShiftTerminal = nil
	}
	return c, c.validate()
}

// From is a scheduler that begins at a step, with Timesteps and Sigmas from there on; s must not have taken one. It is what a clip
// that starts from another one is walked with.
func From(s Scheduler, start int) (Scheduler, error) {
	if start < 0 || start >= len(s.Timesteps()) {
		return nil, fmt.Errorf("a walk of %d steps cannot begin at step %d: %w", len(s.Timesteps()), start, errdefs.ErrInvalidArgument)
	}
	switch s := s.(type) {
	case *UniPC:
		u := *s
		u.sigmas, u.timesteps = u.sigmas[start:], u.timesteps[start:]
		return &u, nil
	case *Euler:
		return &Euler{sigmas: s.sigmas[start:], timesteps: s.timesteps[start:]}, nil
	case *fixed:
		f := *s
		f.sigmas, f.timesteps = f.sigmas[start:], f.timesteps[start:]
		return &f, nil
	}
	return nil, fmt.Errorf("a walk by %T begins at its beginning: %w", s, errdefs.ErrNotImplemented)
}
