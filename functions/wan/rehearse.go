package wan

import (
	"maps"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/schema"
)

// rehearse is handler.Description's: with two experts the clip has steps enough that both take part, and where no request brings a video
// a clip of two passes beside it has the video's encoder run over several frames, those of the pass before.
func (p *Pipeline) rehearse(r handler.Request) ([]handler.Request, error) {
	var err error
	if r.Steps, err = p.stepsOfBoth(r.Steps); err != nil {
		return nil, err
	}
	all := []handler.Request{r}
	if p.c.Pipeline.Expand {
		step := int(p.c.VAE.TemporalScale())
		passes := r
		passes.Values = schema.Object{}
		maps.Copy(passes.Values, r.Values)
		passes.NumFrames, passes.Values[windowField] = 1+3*step, float64(1+2*step) // the second pass knows 1+step of them
		all = append(all, passes)
	}
	return all, nil
}

// stepsOfBoth is the least number of steps, from this one on, of a walk in which each of two experts predicts. One expert is any walk's.
func (p *Pipeline) stepsOfBoth(steps int) (int, error) {
	if p.c.Second == nil {
		return steps, nil
	}
	boundary := p.c.boundary(float64(p.trainTimesteps()))
	for n := max(steps, 1); n <= min(maxSteps, p.trainTimesteps()); n++ {
		s, err := p.schedule(n, 0)
		if err != nil {
			return steps, err
		}
		high, low := false, false
		for _, t := range s.Timesteps() {
			high, low = high || t >= boundary, low || t < boundary
		}
		if high && low {
			return n, nil
		}
	}
	return steps, nil // as with a boundary of 0 or 1: one expert makes every clip
}
