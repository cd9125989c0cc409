package wan

import "testing"

// A velocity that turns slowly is reused until what it has turned reaches the threshold; the first steps and the last are exact.
func TestStepsAreReusedBetweenExactOnes(t *testing.T) {
	const steps = 20
	walk := func(threshold float64) (exact []int) {
		c, x := newStepCache(threshold, steps), []float32{1, 0}
		for i := range steps {
			v := c.reuse(i, steps, x)
			if v == nil {
				exact = append(exact, i)
				v = []float32{1, 0.02 * float32(i)}
				c.learn(x, v)
			}
			for k := range x {
				x[k] += 0.05 * v[k]
			}
		}
		return exact
	}
	none, some, many := walk(0), walk(0.05), walk(1e-9)
	if len(none) != steps || len(many) != steps {
		t.Errorf("without a threshold %d steps are exact, with a tiny one %d", len(none), len(many))
	}
	if len(some) >= steps || some[0] != 0 || some[3] != 3 || some[len(some)-1] != steps-1 {
		t.Errorf("exact are %v", some)
	}
	if most := walk(1e9); len(most) != 5 { // the first fifth and the last
		t.Errorf("at most %v are exact", most)
	}
}

func TestAnotherModelBeginsExactly(t *testing.T) {
	c := newStepCache(1e9, 10)
	c.learn([]float32{1}, []float32{1})
	c.learn([]float32{2}, []float32{1})
	if c.reuse(5, 10, []float32{3}) == nil {
		t.Fatal("nothing is reused")
	}
	c.forget()
	if c.reuse(6, 10, []float32{3}) != nil {
		t.Error("what another model predicted is reused")
	}
}

// So few steps are all exact, whatever the threshold.
func TestTheFewestStepsAreExact(t *testing.T) {
	for steps := 1; steps <= 3; steps++ {
		c, x := newStepCache(1e9, steps), []float32{1}
		for i := range steps {
			if c.reuse(i, steps, x) != nil {
				t.Errorf("step %d of %d is no prediction", i+1, steps)
			}
			c.learn(x, []float32{1})
		}
	}
}
