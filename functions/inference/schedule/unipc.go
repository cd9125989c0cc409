package schedule

import (
	"fmt"
	"math"
	"slices"

	"github.com/containerd/errdefs"
)

// UniPC is UniPCMultistepScheduler for flow prediction: a predictor of order 1 or 2 and the matching corrector, which
// does the previous interval again once the model has seen its end. (Zhao et al., 2023, arXiv 2302.04867.)
type UniPC struct {
	c                 Config
	sigmas, timesteps []float32
	at                int
	order             int         // of the last predictor step
	warm              int         // predictor steps done, up to SolverOrder
	history           [][]float32 // x0 predictions, newest last, at most SolverOrder
	last              []float32   // the sample before the last predictor step
}

func newUniPC(c Config, o Options) *UniPC {
	n := o.count()
	sigmas := slices.Clone(o.Sigmas)
	if sigmas == nil {
		sigmas = linspace(1, 1/float64(c.TrainTimesteps), n+1)[:n]
	}
	sigmas = c.shifted(sigmas, c.FlowShift, o.Mu)
	if math.Abs(sigmas[0]-1) < 1e-6 {
		sigmas[0] -= 1e-6 // λ is infinite at 1
	}
	u := &UniPC{c: c}
	for _, s := range sigmas {
		u.sigmas = append(u.sigmas, float32(s))
		u.timesteps = append(u.timesteps, float32(int64(s*float64(c.TrainTimesteps)))) // truncated, as the reference does
	}
	last := float32(0)
	if c.FinalSigmas == "sigma_min" {
		last = u.sigmas[n-1]
	}
	u.sigmas = append(u.sigmas, last)
	return u
}

// Timesteps implements Scheduler.
func (u *UniPC) Timesteps() []float32 { return u.timesteps }

// Sigmas implements Scheduler.
func (u *UniPC) Sigmas() []float32 { return u.sigmas }

// Step implements Scheduler: convert to x0, correct the sample that the last step predicted, predict the next.
func (u *UniPC) Step(sample, output []float32) error {
	if err := checkStep(u.at, len(u.timesteps), sample, output); err != nil {
		return err
	}
	sigma := u.sigmas[u.at]
	x0 := make([]float32, len(sample))
	for i, v := range output {
		x0[i] = sample[i] - sigma*v
	}
	if u.last != nil && !slices.Contains(u.c.DisableCorrect, u.at-1) {
		u.correct(sample, x0)
	}
	u.remember(x0)
	u.order = min(u.c.SolverOrder, len(u.timesteps)-u.at, u.warm+1)
	u.last = append(u.last[:0], sample...)
	u.predict(sample)
	u.warm = min(u.warm+1, u.c.SolverOrder)
	u.at++
	return nil
}

func (u *UniPC) remember(x0 []float32) {
	u.history = append(u.history, x0)
	if len(u.history) > u.c.SolverOrder {
		u.history = u.history[1:]
	}
}

// predict moves sample from σ_i to σ_{i+1}.
func (u *UniPC) predict(sample []float32) {
	s := u.interval(u.at)
	m0 := u.history[len(u.history)-1]
	if u.order == 1 {
		for i, x := range sample {
			sample[i] = s.ratio*x - s.alphaPhi*m0[i]
		}
		return
	}
	m1 := u.history[len(u.history)-2]
	rk := u.rk(u.at)
	for i, x := range sample {
		d1 := (m1[i] - m0[i]) / rk
		sample[i] = s.ratio*x - s.alphaPhi*m0[i] - s.alphaB*(0.5*d1)
	}
}

// correct moves the sample before the last step from σ_{i−1} to σ_i again, knowing the prediction x0 at its end.
func (u *UniPC) correct(sample, x0 []float32) {
	s := u.interval(u.at - 1)
	m0 := u.history[len(u.history)-1]
	if u.order == 1 {
		for i, x := range u.last {
			sample[i] = s.ratio*x - s.alphaPhi*m0[i] - s.alphaB*(0.5*(x0[i]-m0[i]))
		}
		return
	}
	m1 := u.history[len(u.history)-2]
	rk := u.rk(u.at - 1)
	// [1 1; rk 1] ρ = b
	r0 := (s.b[0] - s.b[1]) / (1 - rk)
	r1 := s.b[0] - r0
	for i, x := range u.last {
		d1 := (m1[i] - m0[i]) / rk
		sample[i] = s.ratio*x - s.alphaPhi*m0[i] - s.alphaB*(r0*d1+r1*(x0[i]-m0[i]))
	}
}

// rk is (λ_{i−1} − λ_i) / h of the interval that starts at σ_i.
func (u *UniPC) rk(i int) float32 {
	l0 := lambda(u.sigmas[i])
	return (lambda(u.sigmas[i-1]) - l0) / (lambda(u.sigmas[i+1]) - l0)
}

func checkStep(at, steps int, sample, output []float32) error {
	if at >= steps {
		return fmt.Errorf("all %d steps are done: %w", steps, errdefs.ErrFailedPrecondition)
	}
	if len(sample) != len(output) {
		return fmt.Errorf("the sample has %d values, the model's output %d: %w", len(sample), len(output), errdefs.ErrInvalidArgument)
	}
	return nil
}
