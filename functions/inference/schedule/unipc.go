package schedule

import (
	"fmt"
	"math"
	"slices"

	"github.com/containerd/errdefs"
)

// maxOrder is the highest order of the solver.
const maxOrder = 3

// UniPC is UniPCMultistepScheduler for flow prediction: a predictor of order 1 to 3 and the matching corrector, which
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
	u.order = min(u.c.SolverOrder, u.warm+1)
	if u.c.LowerOrderFinal {
		u.order = min(u.order, len(u.timesteps)-u.at)
	}
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
	s, m0 := u.interval(u.at, u.order), u.history[len(u.history)-1]
	if u.order == 1 {
		for i, x := range sample {
			sample[i] = s.ratio*x - s.alphaPhi*m0[i]
		}
		return
	}
	rho := s.predictor(u.order)
	for i, x := range sample {
		sample[i] = s.ratio*x - s.alphaPhi*m0[i] - s.alphaB*u.differences(i, s, rho)
	}
}

// correct moves the sample before the last step from σ_{i−1} to σ_i again, knowing the prediction x0 at its end.
func (u *UniPC) correct(sample, x0 []float32) {
	s, m0 := u.interval(u.at-1, u.order), u.history[len(u.history)-1]
	rho := s.corrector(u.order)
	before, end := rho[:u.order-1], rho[u.order-1]
	for i, x := range u.last {
		sample[i] = s.ratio*x - s.alphaPhi*m0[i] - s.alphaB*(u.differences(i, s, before)+end*(x0[i]-m0[i]))
	}
}

// differences is the sum of value i's divided differences between the newest prediction and those before it, by weights.
func (u *UniPC) differences(i int, s interval, rho []float32) (sum float32) {
	newest := len(u.history) - 1
	m0 := u.history[newest][i]
	for k, w := range rho {
		sum += w * ((u.history[newest-1-k][i] - m0) / s.r[k])
	}
	return sum
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
