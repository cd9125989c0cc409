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
	spare             []float32   // memory of a prediction that is forgotten
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
	sigma, x0 := u.sigmas[u.at], u.room(len(sample))
	parts(len(x0), func(from, to int) {
		x, v, d := sample[from:to], output[from:to], x0[from:to]
		for i := range d {
			d[i] = x[i] - sigma*v[i]
		}
	})
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
		u.spare = u.history[0]
		u.history = slices.Delete(u.history, 0, 1)
	}
}

// room is memory for a prediction: that of the one forgotten last, where it has the size.
func (u *UniPC) room(n int) []float32 {
	if len(u.spare) != n {
		return make([]float32, n)
	}
	x := u.spare
	u.spare = nil
	return x
}

// predict moves sample from σ_i to σ_{i+1}.
func (u *UniPC) predict(sample []float32) {
	s := u.interval(u.at, u.order)
	var rho []float32
	if u.order > 1 {
		rho = s.predictor(u.order)
	}
	parts(len(sample), func(from, to int) { u.move(sample, sample, from, to, s, rho) })
}

// correct moves the sample before the last step from σ_{i−1} to σ_i again, knowing the prediction x0 at its end.
func (u *UniPC) correct(sample, x0 []float32) {
	s := u.interval(u.at-1, u.order)
	rho := s.corrector(u.order)
	before, end := rho[:u.order-1], rho[u.order-1]
	parts(len(sample), func(from, to int) { u.moveKnowing(sample, u.last, x0, from, to, s, before, end) })
}

// block is how many values are gone through at once: what belongs to them stays in the first cache.
const block = 1024

// move writes the values from…to of x, moved along an interval, to d: without differences where rho has no weights.
func (u *UniPC) move(d, x []float32, from, to int, s interval, rho []float32) {
	var sums [block]float32
	for ; from < to; from += block {
		m0, sum := u.differences(&sums, from, min(from+block, to), s, rho)
		d, x := d[from:][:len(m0)], x[from:][:len(m0)]
		if len(rho) == 0 {
			for i, m := range m0 {
				d[i] = s.ratio*x[i] - s.alphaPhi*m
			}
			continue
		}
		for i, m := range m0 {
			d[i] = s.ratio*x[i] - s.alphaPhi*m - s.alphaB*sum[i]
		}
	}
}

// moveKnowing is move with the prediction at the interval's end.
func (u *UniPC) moveKnowing(d, x, x0 []float32, from, to int, s interval, rho []float32, end float32) {
	var sums [block]float32
	for ; from < to; from += block {
		m0, sum := u.differences(&sums, from, min(from+block, to), s, rho)
		d, x, x0 := d[from:][:len(m0)], x[from:][:len(m0)], x0[from:][:len(m0)]
		for i, m := range m0 {
			d[i] = s.ratio*x[i] - s.alphaPhi*m - s.alphaB*(sum[i]+end*(x0[i]-m))
		}
	}
}

// differences are, for the values from…to, the newest prediction and the sums of the divided differences between it and those before
// it, by weights.
func (u *UniPC) differences(sums *[block]float32, from, to int, s interval, rho []float32) (m0, sum []float32) {
	newest := len(u.history) - 1
	m0, sum = u.history[newest][from:to], sums[:to-from]
	clear(sum)
	for k, w := range rho {
		older, r := u.history[newest-1-k][from:to], s.r[k]
		for i := range sum {
			sum[i] += w * ((older[i] - m0[i]) / r)
		}
	}
	return m0, sum
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
