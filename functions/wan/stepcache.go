package wan

import "math"

// stepCache skips whole predictions of a clip where the last one still does: the host's kind of caching (TeaCache, MagCache,
// EasyCache), which needs no other graphs. From what is known of the last exact steps it estimates how far the velocity has
// moved since; the estimates add up until they reach the threshold, and then a step is exact again. The first and the last
// steps always are.
type stepCache struct {
	threshold float64
	first     int // exact steps at the beginning

	exactX, exactV []float32 // of the last exact step
	lastX          []float32 // of the last step
	rate           float64   // of the velocity's change to the sample's, between the last two exact steps
	sum            float64
	skipped        int
}

// newStepCache is nil for a threshold of 0, which caches nothing.
func newStepCache(threshold float64, steps int) *stepCache {
	if threshold <= 0 {
		return nil
	}
	return &stepCache{threshold: threshold, first: max(2, steps/5)}
}

// reuse gives the velocity to go on with, nil when the step has to be exact.
func (c *stepCache) reuse(step, steps int, x []float32) []float32 {
	if c == nil || step < c.first || step == steps-1 || c.exactV == nil {
		return nil
	}
	c.sum += c.rate * distance(x, c.lastX) / norm(c.exactV)
	c.lastX = append(c.lastX[:0], x...)
	if c.sum >= c.threshold {
		return nil
	}
	c.skipped++
	return c.exactV
}

// learn takes an exact step.
func (c *stepCache) learn(x, v []float32) {
	if c == nil {
		return
	}
	if c.exactV != nil {
		if moved := distance(x, c.exactX); moved > 0 {
			c.rate = distance(v, c.exactV) / moved
		}
	}
	c.exactX, c.exactV = append(c.exactX[:0], x...), append(c.exactV[:0], v...)
	c.lastX = append(c.lastX[:0], x...)
	c.sum = 0
}

// forget makes the next step exact: another model predicts from there on.
func (c *stepCache) forget() {
	if c != nil {
		c.exactX, c.exactV, c.sum = nil, nil, 0
	}
}

func distance(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i] - b[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}

func norm(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}
