package schedule

// Euler is FlowMatchEulerDiscreteScheduler: one explicit Euler step of the flow's ODE for each timestep.
type Euler struct {
	sigmas, timesteps []float32
	at                int
}

func newEuler(c Config, o Options) *Euler {
	shifted := c.shifted
	if o.Sigmas != nil {
		shifted = c.shiftedSingly
	}
	sigmas := c.respaced(shifted(eulerSigmas(c, o), c.Shift, o.Mu))
	e := &Euler{}
	last := float32(0)
	for _, s := range sigmas {
		f := float32(s)
		if c.Invert {
			f, last = 1-f, 1
		}
		e.sigmas = append(e.sigmas, f)
		e.timesteps = append(e.timesteps, f*float32(c.TrainTimesteps))
	}
	e.sigmas = append(e.sigmas, last)
	return e
}

// eulerSigmas are the sigmas before shifting. The reference's own run between the ends of a training table that is
// shifted already (unless the shift is dynamic), and are shifted once more afterwards.
func eulerSigmas(c Config, o Options) []float64 {
	if o.Sigmas != nil {
		out := make([]float64, len(o.Sigmas))
		for i, s := range o.Sigmas {
			out[i] = float64(float32(s)) // np.array(sigmas).astype(np.float32)
		}
		return out
	}
	n := float64(c.TrainTimesteps)
	table := func(t float64) float64 {
		s := float32(t) / float32(n)
		if !c.DynamicShifting {
			shift := float32(c.Shift)
			s = shift * s / (1 + (shift-1)*s)
		}
		return float64(s)
	}
	out := linspace(table(n)*n, table(1)*n, o.Steps)
	for i := range out {
		out[i] /= n
	}
	return out
}

// Timesteps implements Scheduler.
func (e *Euler) Timesteps() []float32 { return e.timesteps }

// Sigmas implements Scheduler.
func (e *Euler) Sigmas() []float32 { return e.sigmas }

// Step implements Scheduler: x += (σ_{i+1} − σ_i) · v.
func (e *Euler) Step(sample, output []float32) error {
	if err := checkStep(e.at, len(e.timesteps), sample, output); err != nil {
		return err
	}
	d := e.sigmas[e.at+1] - e.sigmas[e.at]
	parts(len(sample), func(from, to int) {
		x := sample[from:to]
		for i, v := range output[from:to] {
			x[i] += d * v
		}
	})
	e.at++
	return nil
}
