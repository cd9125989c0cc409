package schedule

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// Distilled says how a step-distilled model wants to be walked: a few positions on the trajectory, without guidance. Restated
// from LightX2V's WanStepDistillScheduler.
type Distilled struct {
	// Positions of the steps among the training timesteps, falling, before the shift: the model is told those after it.
	Positions []float64 `json:"denoising_step_list"`
	Shift     float64   `json:"sample_shift"`
	// Renoise has each step go all the way to the clip and back to the next noise level with fresh noise; else it is Euler's.
	Renoise bool `json:"renoise,omitempty"`
}

// Steps is the number of steps that the model was distilled for.
func (d Distilled) Steps() int { return len(d.Positions) }

// Validate refuses lists that are no trajectory of trainTimesteps.
func (d Distilled) Validate(trainTimesteps int) error {
	if len(d.Positions) == 0 || d.Shift <= 0 {
		return fmt.Errorf("a distilled schedule needs a denoising_step_list and a positive sample_shift: %w", errdefs.ErrInvalidArgument)
	}
	if len(d.Positions) > trainTimesteps {
		return fmt.Errorf("denoising_step_list has %d positions: %d at most: %w", len(d.Positions), trainTimesteps, errdefs.ErrInvalidArgument)
	}
	last := float64(trainTimesteps) + 1
	for _, p := range d.Positions {
		if p <= 0 || p >= last {
			return fmt.Errorf("denoising_step_list %v must fall from at most %d, and stay above 0: %w", d.Positions, trainTimesteps, errdefs.ErrInvalidArgument)
		}
		last = p
	}
	return nil
}

// evenly are n positions at equal distances: for four steps of 1000 timesteps 1000, 750, 500, 250.
func evenly(n, trainTimesteps int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(trainTimesteps) * float64(n-i) / float64(n)
	}
	return out
}

// fixed walks a distilled schedule.
type fixed struct {
	sigmas, timesteps []float32
	noise             func(step, n int) []float32 // nil: Euler's rule
	at                int
}

var _ Scheduler = (*fixed)(nil)

// NewDistilled makes the scheduler of steps steps: those that the model was distilled for, or as many at equal distances.
// noise gives the fresh noise of the step after step, and is used by Renoise only.
func NewDistilled(d Distilled, steps, trainTimesteps int, noise func(step, n int) []float32) (Scheduler, error) {
	if err := d.Validate(trainTimesteps); err != nil {
		return nil, err
	}
	if steps < 1 || steps > trainTimesteps {
		return nil, fmt.Errorf("%d steps are not possible: 1 to %d are: %w", steps, trainTimesteps, errdefs.ErrInvalidArgument)
	}
	positions := d.Positions
	if steps != len(positions) {
		positions = evenly(steps, trainTimesteps)
	}
	f := &fixed{}
	if d.Renoise {
		f.noise = noise
	}
	for _, p := range positions {
		u := p / float64(trainTimesteps)
		sigma := d.Shift * u / (1 + (d.Shift-1)*u)
		f.sigmas = append(f.sigmas, float32(sigma))
		f.timesteps = append(f.timesteps, float32(sigma*float64(trainTimesteps)))
	}
	f.sigmas = append(f.sigmas, 0)
	return f, nil
}

// Timesteps implements Scheduler.
func (f *fixed) Timesteps() []float32 { return f.timesteps }

// Sigmas implements Scheduler.
func (f *fixed) Sigmas() []float32 { return f.sigmas }

// Step implements Scheduler.
func (f *fixed) Step(sample, output []float32) error {
	if err := checkStep(f.at, len(f.timesteps), sample, output); err != nil {
		return err
	}
	sigma, next := f.sigmas[f.at], f.sigmas[f.at+1]
	f.at++
	if f.noise == nil || next == 0 {
		for i, v := range output {
			sample[i] += (next - sigma) * v
		}
		return nil
	}
	fresh := f.noise(f.at-1, len(sample))
	for i, v := range output {
		sample[i] = (1-next)*(sample[i]-sigma*v) + next*fresh[i]
	}
	return nil
}
